/// A value with its place in the file, in bytes.
struct PositionedNode: Sendable {
  struct Member: Sendable {
    var key: String
    var keyRange: Range<Int>
    var node: PositionedNode
  }

  enum Content: Sendable {
    /// A scalar.
    case leaf
    /// An alias, whose content stands elsewhere.
    case alias
    case members([Member])
    case items([PositionedNode])
  }

  var range: Range<Int>
  /// Whether the value has brackets or braces of its own; else a collection begins at its first key or dash.
  var isFlow: Bool
  var content: Content

  var isLeaf: Bool {
    switch content {
    case .leaf, .alias: true
    case .members, .items: false
    }
  }
}
