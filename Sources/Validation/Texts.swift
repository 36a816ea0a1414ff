import Diagnostics
import GitStore
import Manifests
import Synchronization
import Values

/// The bytes of one side's files, for the line and column of findings: read when there are some, and once.
final class Texts: Sendable {
  private let reader: ObjectReader?
  /// Where a path is looked up that is not among `files`.
  private let tree: ObjectID?
  /// Files that stand elsewhere; nil for those that are gone.
  private let files: [ExactString: ObjectID?]
  private let known: Mutex<[ExactString: [UInt8]?]>
  /// The same as lines, of files that something was shown of.
  private let lines = Mutex<[ExactString: SourceText?]>([:])

  /// The files of a tree, but for some.
  init(_ reader: ObjectReader, tree: ObjectID?, but files: [ExactString: ObjectID?] = [:]) {
    (self.reader, self.tree, self.files) = (reader, tree, files)
    known = Mutex([:])
  }

  /// Files that were read already.
  init(_ texts: [ExactString: [UInt8]]) {
    (reader, tree, files) = (nil, nil, [:])
    known = Mutex(texts.mapValues { $0 })
  }

  /// The bytes of a file; nil where there is none. Blocks while it reads.
  func text(_ path: String) -> [UInt8]? {
    let key = ExactString(path)
    if let text = known.withLock({ $0[key] }) { return text }
    let text = read(path)
    known.withLock { $0[key] = .some(text) }
    return text
  }

  /// A file as lines; nil where there is none. Blocks while it reads.
  func source(_ path: String) -> SourceText? {
    let key = ExactString(path)
    if let source = lines.withLock({ $0[key] }) { return source }
    let source = text(path).map(SourceText.init)
    lines.withLock { $0[key] = .some(source) }
    return source
  }

  /// A place that cannot be told stands against nothing: findings are then shown at their file's beginning.
  private func read(_ path: String) -> [UInt8]? {
    guard let reader else { return nil }
    if let other = files[ExactString(path)] {
      return other.flatMap { try? reader.blob($0, limit: ManifestLimits.standard.bytes) }
    }
    guard let tree, let entry = try? reader.entry(at: path, inTree: tree), entry.isFile else { return nil }
    return try? reader.blob(entry.id, limit: ManifestLimits.standard.bytes)
  }
}
