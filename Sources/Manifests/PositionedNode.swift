import Values

/// A value with its byte range in the file.
struct PositionedNode: Sendable {
  struct Member: Sendable {
    var key: String
    var keyRange: Range<Int>
    var node: PositionedNode
  }

  /// The members of one object, in file order.
  struct Members: Sendable {
    private let list: [Member]
    /// The last index of each key; nil for so few members that a linear search is faster.
    private let index: [ExactString: Int]?

    init(_ list: [Member]) {
      self.list = list
      index =
        list.count > 16
        ? Dictionary(
          list.enumerated().map { (ExactString($1.key), $0) }, uniquingKeysWith: { _, last in last }) : nil
    }

    var first: Member? { list.first }

    /// The last member of a name, as a parser that allows duplicates returns it.
    func last(_ key: String) -> Member? {
      guard let index else { return list.last { $0.key.isExactly(key) } }
      return index[ExactString(key)].map { list[$0] }
    }
  }

  enum Content: Sendable {
    /// A scalar.
    case leaf
    /// An alias, whose content is elsewhere.
    case alias
    case members(Members)
    case items([PositionedNode])
  }

  var range: Range<Int>
  /// Whether the value has its own brackets or braces; otherwise a collection begins at its first key or dash.
  var isFlow: Bool
  var content: Content

  var isLeaf: Bool {
    switch content {
    case .leaf, .alias: true
    case .members, .items: false
    }
  }
}
