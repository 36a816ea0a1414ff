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
}
