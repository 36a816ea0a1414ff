import Values

/// A value with its place in the file, in bytes.
struct PositionedNode: Sendable {
  struct Member: Sendable {
    var key: String
    var keyRange: Range<Int>
    var node: PositionedNode
  }

  /// The members of one object, in the order of the file.
  struct Members: Sendable {
    private let list: [Member]
    /// Where each key stands last; nil where there are so few that looking through them is faster.
    private let index: [ExactString: Int]?

    init(_ list: [Member]) {
      self.list = list
      index =
        list.count > 16
        ? Dictionary(
          list.enumerated().map { (ExactString($1.key), $0) }, uniquingKeysWith: { _, last in last }) : nil
    }

    var first: Member? { list.first }

    /// The last one of a name, as a reader takes it that allows duplicates.
    func last(_ key: String) -> Member? {
      guard let index else { return list.last { $0.key.isExactly(key) } }
      return index[ExactString(key)].map { list[$0] }
    }
  }

  enum Content: Sendable {
    /// A scalar.
    case leaf
    /// An alias, whose content stands elsewhere.
    case alias
    case members(Members)
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
