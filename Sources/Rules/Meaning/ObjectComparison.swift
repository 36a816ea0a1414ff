import KubeDirector
import Values

/// Compares the meaning of a live object with its file. In the results, the live object is the old one.
///
/// Spelling, order, formatting and absent defaults are not differences.
public enum ObjectComparison {
  public static func app(live: App, head: App) -> [Difference] {
    AppDifference.between(live.spec, head.spec).map(\.difference) + metadata(live.metadata, head.metadata)
  }

  /// - Parameters:
  ///   - apps: The apps of the live and of the desired cluster, which give the default for absent `members`.
  ///   - catalog: The catalog in which the live cluster's app was found, for a spec that names no catalog.
  public static func cluster(
    live: Cluster, head: Cluster, apps: (live: App?, head: App?), catalog: AppCatalog?
  ) -> [Difference] {
    ClusterMeaning.differences(
      live.spec, head.spec, apps: (old: apps.live, new: apps.head), catalogs: (old: catalog, new: catalog))
      + metadata(live.metadata, head.metadata)
  }

  /// Compares only labels and annotations of the file; the live object may have more.
  private static func metadata(_ live: Metadata, _ head: Metadata) -> [Difference] {
    func compare(_ key: String, _ live: [String: String], _ head: [String: String]) -> [Difference] {
      head.sorted { $0.key < $1.key }.filter { live[$0.key] != $0.value }.map { name, value in
        Difference(
          oldPath: ["metadata", .key(key)], newPath: ["metadata", .key(key), .key(name)],
          old: live[name].map(JSON.string), new: .string(value), name: "metadata.\(key)[\(name)]")
      }
    }
    return compare("labels", live.labels, head.labels)
      + compare("annotations", live.annotations, head.annotations)
  }
}
