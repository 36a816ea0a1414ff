/// Where statuses go: git, or in tests a list.
public protocol StatusSink: Sendable {
  /// Writes a batch where everybody can read it; returns once it is there. What is there already costs nothing.
  ///
  /// - Throws: anything; the batch, with what has come meanwhile, is handed over again later.
  func publish(_ batch: StatusBatch) async throws
}

/// What is to be written at once.
public struct StatusBatch: Sendable, Hashable {
  /// Notes by the hexadecimal id of their commit.
  public var notes: [String: String]
  /// Files of the status tree by path; nil removes.
  public var files: [String: [UInt8]?]
  /// The files given are all there are: others are to go.
  public var isWholeTree: Bool

  public init(notes: [String: String] = [:], files: [String: [UInt8]?] = [:], isWholeTree: Bool = false) {
    self.notes = notes
    self.files = files
    self.isWholeTree = isWholeTree
  }

  public var isEmpty: Bool { notes.isEmpty && files.isEmpty && !isWholeTree }

  /// What stands in this batch and not in a newer one.
  mutating func putBack(_ older: StatusBatch) {
    notes.merge(older.notes) { newer, _ in newer }
    // A newer whole tree says all; an older one still has to remove what is not in it.
    if !isWholeTree { files.merge(older.files) { newer, _ in newer } }
    isWholeTree = isWholeTree || older.isWholeTree
  }
}
