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
  /// The only paths, besides those in `files`, that the tree may keep; nil where all may stay.
  public var keeping: Set<String>?

  public init(notes: [String: String] = [:], files: [String: [UInt8]?] = [:], keeping: Set<String>? = nil) {
    self.notes = notes
    self.files = files
    self.keeping = keeping
  }

  public var isEmpty: Bool { notes.isEmpty && files.isEmpty && keeping == nil }

  /// Takes in what an older batch could not write.
  mutating func putBack(_ older: StatusBatch) {
    notes.merge(older.notes) { newer, _ in newer }
    files.merge(older.files) { newer, _ in newer }
    keeping = keeping ?? older.keeping
  }
}
