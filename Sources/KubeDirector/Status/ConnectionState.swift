import Values

/// The state of a cluster's connections of which its members were notified.
public struct ConnectionState: Sendable, Hashable {
  /// A mark of the last seen content, by kind and name such as `configmaps/hadoop`. Different content has another
  /// mark.
  public var marks: [String: String]
  /// The number of changes.
  public var changes: Int

  public init(marks: [String: String] = [:], changes: Int = 0) {
    self.marks = marks
    self.changes = changes
  }

  init?(_ state: JSON) {
    guard let changes = state["changes"]?.count() else { return nil }
    self.init(marks: state["marks"]?.strings ?? [:], changes: changes)
  }

  var json: JSON { ["changes": JSON(changes), "marks": JSON(marks)] }

  // MARK: Marks of clusters

  /// The version of what `configmeta.json` contains about a connected cluster. To be raised with each change of that:
  /// after an upgrade of kdops the text differs, but not the cluster.
  private static let clusterFormat = "2-"

  /// The mark of a connected cluster.
  ///
  /// - Parameter digest: of its part of `configmeta.json`; without `-`.
  public static func mark(ofClusterMeta digest: String) -> String { clusterFormat + digest }

  /// Whether two marks show a change; false for marks of two versions.
  public static func differ(_ old: String?, _ new: String?) -> Bool {
    guard let old, let new else { return old != new }
    return old != new && version(of: old) == version(of: new)
  }

  private static func version(of mark: String) -> Substring {
    mark.firstIndex(of: "-").map { mark[..<$0] } ?? ""
  }
}
