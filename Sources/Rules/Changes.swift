import Diagnostics
import KubeDirector

/// An app that was there before.
public struct AppChange {
  public var reference: ObjectReference
  public var old: Sourced<App>
  /// Nil for a deletion.
  public var new: Sourced<App>?
  /// In what their meanings differ; empty for a deletion.
  public var differences: [AppDifference]
}

/// A cluster whose spec changes while its app stays the same.
public struct ClusterChange {
  public var reference: ObjectReference
  public var kind: ChangeKind
  public var old: Sourced<Cluster>
  public var new: Sourced<Cluster>
  /// In what the meanings of the specs differ.
  public var differences: [Difference]
  public var app: App?
  public var live: LiveCluster?
}

/// A cluster whose `spec.app` changes: an upgrade, or a rollback.
public struct UpgradeChange {
  public var reference: ObjectReference
  public var kind: ChangeKind
  public var old: Sourced<Cluster>
  public var new: Sourced<Cluster>
  /// In what the meanings of the specs differ beside `spec.app`.
  public var differences: [Difference]
  /// The app that the cluster runs; nil where nobody knows it any more.
  public var current: App?
  /// The app that it is to run; nil where it is not registered.
  public var candidate: App?
  public var live: LiveCluster?
  /// True where no status tells whether an upgrade still runs, and the file's history alone calls this a rollback.
  public var isByHistory: Bool

  /// The other app that the cluster may have when this change's turn comes; nil where that is settled.
  var otherCurrentApp: (name: String, catalog: AppCatalog?)? {
    guard let status = live?.status else { return nil }
    if let upgrade = status.upgradeInfo {
      return upgrade.isRollingBack ? nil : (upgrade.prevApp, upgrade.prevAppCatalog)
    }
    return status.app == old.spec.app ? nil : (status.app, status.appCatalog)
  }
}
