/// The destination of statuses: git, or a list in tests.
public protocol StatusSink: Sendable {
  /// Publishes a batch and returns when it is written. Content that is already there causes no write.
  ///
  /// - Throws: any error; the batch is passed again later, with the updates that arrived in the meantime.
  func publish(_ batch: StatusBatch) async throws
}

/// The statuses to publish together.
public struct StatusBatch: Sendable, Hashable {
  /// Notes by the hexadecimal id of their commit.
  public var notes: [String: String]
  /// Files of the status tree by path; nil removes the file.
  public var files: [String: [UInt8]?]
  /// The only paths, besides those in `files`, that stay in the tree; nil if all may stay.
  public var keeping: Set<String>?

  public init(notes: [String: String] = [:], files: [String: [UInt8]?] = [:], keeping: Set<String>? = nil) {
    self.notes = notes
    self.files = files
    self.keeping = keeping
  }

  public var isEmpty: Bool { notes.isEmpty && files.isEmpty && keeping == nil }

  /// Merges an older batch that could not be written; newer content wins.
  mutating func putBack(_ older: StatusBatch) {
    notes.merge(older.notes) { newer, _ in newer }
    files.merge(older.files) { newer, _ in newer }
    keeping = keeping ?? older.keeping
  }
}
