import Diagnostics
import KubeDirector

/// A change or deletion of an existing app.
public struct AppChange {
  public var reference: ObjectReference
  public var old: Sourced<App>
  /// Nil for a deletion.
  public var new: Sourced<App>?
  /// The differences in meaning; empty for a deletion.
  public var differences: [AppDifference]
}

/// A change of a cluster's spec that keeps its app.
public struct ClusterChange {
  public var reference: ObjectReference
  public var kind: ChangeKind
  public var old: Sourced<Cluster>
  public var new: Sourced<Cluster>
  /// The differences in meaning between the specs.
  public var differences: [Difference]
  public var app: App?
  public var live: LiveCluster?
}

/// A change of a cluster's `spec.app`: an upgrade or a rollback.
public struct UpgradeChange {
  public var reference: ObjectReference
  public var kind: ChangeKind
  public var old: Sourced<Cluster>
  public var new: Sourced<Cluster>
  /// The differences in meaning between the specs, except `spec.app`.
  public var differences: [Difference]
  /// The app that the cluster runs; nil if it is no longer known.
  public var current: App?
  /// The app that the cluster changes to; nil if it is not registered.
  public var candidate: App?
  public var live: LiveCluster?
  /// True if this is a rollback only according to the file's history, because no status shows whether an upgrade
  /// still runs.
  public var isByHistory: Bool

  /// The other app that the cluster may have when this change is applied; nil if the app is certain.
  var otherCurrentApp: (name: String, catalog: AppCatalog?)? {
    guard let status = live?.status else { return nil }
    if let upgrade = status.upgradeInfo {
      return upgrade.isRollingBack ? nil : (upgrade.prevApp, upgrade.prevAppCatalog)
    }
    return status.app == old.spec.app ? nil : (status.app, status.appCatalog)
  }
}
