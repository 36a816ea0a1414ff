/// The names of API groups, labels, annotations and events.
///
/// Those in `kubedirector.hpe.com` are KubeDirector's own, so that existing files, selectors and workflows keep
/// working; those in `kdops.dev` belong to kdops.
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
    /// Only on live objects, never in a pod template: there it would restart roles whose image is the same.
    public static let app = "kubedirector.hpe.com/kdapp"
    public static let appCatalog = "kubedirector.hpe.com/appCatalog"
    /// On a ConfigMap or a Secret that clusters may connect to: its value groups objects of a kind.
    public static let configMapType = "kubedirector.hpe.com/cmType"
    public static let secretType = "kubedirector.hpe.com/secretType"
    /// The installation of kdops that owns an App or a Cluster.
    public static let source = "kdops.dev/source"
  }

  public enum Annotation {
    /// The commit that was applied.
    public static let commit = "kdops.dev/commit"
    /// The commit that requested the current spec: later commits changed only labels and annotations.
    public static let specCommit = "kdops.dev/spec-commit"
    /// The id of the blob that was applied; an object with the same blob was not changed by git.
    public static let blob = "kdops.dev/blob"
    /// The file that was applied.
    public static let path = "kdops.dev/path"
    /// The kind of the applied change, such as `upgrade`.
    public static let change = "kdops.dev/change"
    /// The stamp of the spec and of the annotations above; see `Stamp`. The engine ignores a spec without it.
    public static let stamp = "kdops.dev/stamp"
    /// `"true"` in git adopts an object that no installation owns.
    public static let adopt = "kdops.dev/adopt"
    /// `"true"` stops the engine before its next step.
    public static let suspend = "kdops.dev/suspend"
    /// On a cluster, `true`: when its file is deleted and the daemon prunes the cluster, its volumes are deleted too.
    public static let deleteVolumes = "kdops.dev/delete-volumes"
    /// The pod whose failed script must be run again; its value changes with every request.
    public static let retry = "kdops.dev/retry"
    /// On a cluster or its app: the maximum number of the cluster's pods that an upgrade may have out of service at a
    /// time.
    public static let maxUnavailable = "kdops.dev/max-unavailable"
    /// On a cluster or its app: the roles in upgrade order; commas separate stages.
    public static let roleOrder = "kdops.dev/role-order"
    /// On a cluster: the seconds that its pods have to end; see `GracePeriods`.
    public static let gracePeriod = "kdops.dev/grace-period"
    /// On an app: the roles whose first upgraded pod makes a rollback impossible; `*` for any.
    public static let pointOfNoReturn = "kdops.dev/point-of-no-return"
    /// On a StatefulSet, never in its template: the image that was written into the template, before any admission
    /// webhook changed it.
    public static let image = "kdops.dev/image"
    /// The labels and annotations that an object has from its file, as `l:KEY` and `a:KEY`, separated by blanks.
    public static let carried = "kdops.dev/carried"
    /// The annotations of apps and clusters that only the daemon writes.
    public static let written: Set<String> = [
      commit, specCommit, blob, path, change, stamp, carried, revertedCommit,
    ]
    /// On the daemon's Lease: its last activity, for users.
    public static let activity = "kdops.dev/activity"
    /// The commit whose upgrade of this cluster was rolled back last; auto revert does not revert it again.
    public static let revertedCommit = "kdops.dev/taken-back"
    /// On the daemon's Lease: with each new value, the leading daemon fetches and resyncs immediately.
    public static let sync = "kdops.dev/sync"
    /// On the daemon's Lease: the commit that the daemon must follow although history was rewritten.
    public static let accept = "kdops.dev/accept"
  }
}

/// The events that are passed to `startscript`, with `--` before them.
public enum LifecycleEvent: String, Sendable, Hashable, CaseIterable {
  case configure
  case addNodes = "addnodes"
  case deleteNodes = "delnodes"
  case reconnect
  /// Writes `configmeta.json` again after a change of members, in a role that does not receive that change. It is
  /// kdops' own and runs no script.
  case refresh
  case podUpgraded = "pod_upgraded"
  case podReverted = "pod_reverted"
  case roleUpgraded = "role_upgraded"
  case roleReverted = "role_reverted"
  case clusterUpgraded = "cluster_upgraded"
  case clusterReverted = "cluster_reverted"

  public var argument: String { "--\(rawValue)" }

  /// The task in a member, for people.
  public var words: String { self == .refresh ? "the update of configmeta.json" : "startscript \(argument)" }

  /// The events that an app may list.
  public static let listable: [LifecycleEvent] = [
    .configure, .addNodes, .deleteNodes, .roleUpgraded, .roleReverted, .clusterUpgraded, .clusterReverted,
  ]

  /// The events of an app that lists none.
  public static let defaults: Set<LifecycleEvent> = [.configure, .addNodes, .deleteNodes]

  /// The events that are always sent, listed or not.
  public static let always: Set<LifecycleEvent> = [.podUpgraded, .podReverted, .reconnect]
}
