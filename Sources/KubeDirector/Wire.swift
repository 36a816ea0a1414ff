/// The names under which objects are known to people, to Kubernetes and to each other.
///
/// Those of `kubedirector.hpe.com` are KubeDirector's own, so that existing files, selectors and habits keep
/// working; those of `kdops.dev` are ours.
public enum Wire {
  public static let group = "kubedirector.hpe.com"
  public static let ownDomain = "kdops.dev"
  public static let version = "v1beta1"
  public static let apiVersion = "kubedirector.hpe.com/v1beta1"
  public static let appKind = "KubeDirectorApp"
  public static let clusterKind = "KubeDirectorCluster"

  /// Labels on the objects of a cluster.
  public enum Label {
    public static let cluster = "kubedirector.hpe.com/kdcluster"
    public static let role = "kubedirector.hpe.com/role"
    public static let headless = "kubedirector.hpe.com/headless"
    /// On live objects only, never in a pod template: it would restart roles whose image is the same.
    public static let app = "kubedirector.hpe.com/kdapp"
    public static let appCatalog = "kubedirector.hpe.com/appCatalog"
    /// On a ConfigMap or a Secret that clusters may be connected to: its value groups those of a kind.
    public static let configMapType = "kubedirector.hpe.com/cmType"
    public static let secretType = "kubedirector.hpe.com/secretType"
    /// Which installation of kdops owns an App or a Cluster.
    public static let source = "kdops.dev/source"
  }

  public enum Annotation {
    /// The commit that was applied.
    public static let commit = "kdops.dev/commit"
    /// The commit that asked for the spec as it is: later ones have changed labels and annotations alone.
    public static let specCommit = "kdops.dev/spec-commit"
    /// The id of the blob that was applied; an object whose blob is the same was not changed by git.
    public static let blob = "kdops.dev/blob"
    /// The file that was applied.
    public static let path = "kdops.dev/path"
    /// The kind of change that it was, such as `upgrade`.
    public static let change = "kdops.dev/change"
    /// Vouches for the spec and for the annotations above; see `Stamp`. The engine acts on no other spec.
    public static let stamp = "kdops.dev/stamp"
    /// `"true"` in git takes over an object that no installation owns.
    public static let adopt = "kdops.dev/adopt"
    /// `"true"` stops the engine before its next step.
    public static let suspend = "kdops.dev/suspend"
    /// On a cluster, `true`: where its file goes and the daemon prunes, its volumes go as well.
    public static let deleteVolumes = "kdops.dev/delete-volumes"
    /// The pod whose failed script is to be run again; its value changes with every request.
    public static let retry = "kdops.dev/retry"
    /// On a cluster or its app: how many pods of the cluster an upgrade may have out of service at a time.
    public static let maxUnavailable = "kdops.dev/max-unavailable"
    /// On a cluster or its app: roles in the order in which they are upgraded, in stages between commas.
    public static let roleOrder = "kdops.dev/role-order"
    /// On an app: the roles whose first upgraded pod leaves no way back; `*` for any.
    public static let pointOfNoReturn = "kdops.dev/point-of-no-return"
    /// On a StatefulSet, never in its template: the image that was written into the template, whatever an admission
    /// webhook made of it.
    public static let image = "kdops.dev/image"
    /// Which labels and annotations an object has from its file, as `l:KEY` and `a:KEY` with blanks between.
    public static let carried = "kdops.dev/carried"
    /// On the daemon's Lease: what it did last, for people.
    public static let activity = "kdops.dev/activity"
    /// The commit whose upgrade of this cluster was rolled back last; it is not taken back by itself once more.
    public static let takenBack = "kdops.dev/taken-back"
    /// On the daemon's Lease: each new value has the daemon that leads fetch and compare now.
    public static let sync = "kdops.dev/sync"
    /// On the daemon's Lease: the commit that is to be followed although history was rewritten.
    public static let accept = "kdops.dev/accept"
  }
}

/// The words that `startscript` is called with, `--` before them.
public enum LifecycleEvent: String, Sendable, Hashable, CaseIterable {
  case configure
  case addNodes = "addnodes"
  case deleteNodes = "delnodes"
  case reconnect
  case podUpgraded = "pod_upgraded"
  case podReverted = "pod_reverted"
  case roleUpgraded = "role_upgraded"
  case roleReverted = "role_reverted"
  case clusterUpgraded = "cluster_upgraded"
  case clusterReverted = "cluster_reverted"

  public var argument: String { "--\(rawValue)" }

  /// The events that an app may list.
  public static let listable: [LifecycleEvent] = [
    .configure, .addNodes, .deleteNodes, .roleUpgraded, .roleReverted, .clusterUpgraded, .clusterReverted,
  ]

  /// What an app hears that lists nothing.
  public static let defaults: Set<LifecycleEvent> = [.configure, .addNodes, .deleteNodes]

  /// Always sent, listed or not.
  public static let always: Set<LifecycleEvent> = [.podUpgraded, .podReverted, .reconnect]
}
