import Values

/// What of its connections a cluster's members have been told.
public struct ConnectionState: Sendable, Hashable {
  /// By kind and name, such as `configmaps/hadoop`: what tells the content that was seen from another.
  public var marks: [String: String]
  /// How often that changed.
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
