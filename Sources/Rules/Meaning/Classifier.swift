import Diagnostics
import KubeDirector

/// Determines the kind of a change.
///
/// Pure and independent of spelling: it receives differences in meaning.
public enum Classifier {
  static func change(of old: Sourced<App>?, to new: Sourced<App>?, differences: [AppDifference]) -> ChangeKind
  {
    switch (old, new) {
    case (_, nil): .delete
    case (nil, _): .create
    case (let old?, let new?):
      differences.isEmpty ? metadataChange(old.metadata, new.metadata) : .reconfigure
    }
  }

  /// The kind of change of a cluster that keeps its app.
  static func change(of old: Metadata, to new: Metadata, differences: [Difference]) -> ChangeKind {
    if differences.isEmpty { return metadataChange(old, new) }
    return differences.allSatisfy(ClusterMeaning.isSize) ? .resize : .reconfigure
  }

  private static func metadataChange(_ old: Metadata, _ new: Metadata) -> ChangeKind {
    old.labels == new.labels && old.annotations == new.annotations ? .none : .metadata
  }

  /// The kind of change of a cluster that changes its app; `none` if the app is the same.
  ///
  /// A rollback returns to the app that a running upgrade came from, or to the app that the engine has not left yet.
  /// If no status shows the previous app, the file's history decides, so that a hook never blocks an emergency revert.
  public static func move(
    of cluster: ObjectReference, from old: String, to new: String, live: LiveCluster?,
    history: ((ObjectReference) -> String?)?
  ) -> (kind: ChangeKind, isByHistory: Bool) {
    if old == new { return (.none, false) }
    guard let status = live?.status else {
      return history?(cluster) == new ? (.rollback, true) : (.upgrade, false)
    }
    if let upgrade = status.upgradeInfo {
      return (!upgrade.isRollingBack && upgrade.prevApp == new ? .rollback : .upgrade, false)
    }
    return (status.app == new ? .rollback : .upgrade, false)
  }
}
