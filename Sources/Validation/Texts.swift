import Diagnostics
import GitStore
import Manifests
import Synchronization
import Values

/// The bytes of one side's files, for the line and column of findings. A file is read once, when it has
/// findings.
final class Texts: Sendable {
  private let reader: ObjectReader?
  /// The tree in which paths that are not in `files` are looked up.
  private let tree: ObjectID?
  /// The blobs of files that differ from the tree; nil for deleted files.
  private let files: [ExactString: ObjectID?]
  private let known: Mutex<[ExactString: [UInt8]?]>
  /// The files as lines, for files of which lines were shown.
  private let lines = Mutex<[ExactString: SourceText?]>([:])

  /// Each lookup searches the file's folder, so the number of them is limited; further findings are shown without lines.
  private let lookups = Mutex(0)
  private static let lookupLimit = 1000

  /// Creates the files of a tree, with replacements for some of them.
  init(_ reader: ObjectReader, tree: ObjectID?, but files: [ExactString: ObjectID?] = [:]) {
    (self.reader, self.tree, self.files) = (reader, tree, files)
    known = Mutex([:])
  }

  /// Creates files whose bytes were already read.
  init(_ texts: [ExactString: [UInt8]]) {
    (reader, tree, files) = (nil, nil, [:])
    known = Mutex(texts.mapValues { $0 })
  }

  /// Returns the bytes of a file; nil if there is none. Blocks while it reads.
  func text(_ path: String) -> [UInt8]? {
    let key = ExactString(path)
    if let text = known.withLock({ $0[key] }) { return text }
    let text = read(path)
    known.withLock { $0[key] = .some(text) }
    return text
  }

  /// Returns the lines of a file; nil if there is none. Blocks while it reads.
  func source(_ path: String) -> SourceText? {
    let key = ExactString(path)
    if let source = lines.withLock({ $0[key] }) { return source }
    let source = text(path).map(SourceText.init)
    lines.withLock { $0[key] = .some(source) }
    return source
  }

  /// Ignores read errors. The findings are then shown at the beginning of their file.
  private func read(_ path: String) -> [UInt8]? {
    guard let reader else { return nil }
    if let other = files[ExactString(path)] {
      return other.flatMap { try? reader.blob($0, limit: ManifestLimits.standard.bytes) }
    }
    guard let tree,
      lookups.withLock({
        $0 += 1; return $0 <= Self.lookupLimit
      }),
      let entry = try? reader.entry(at: path, inTree: tree), entry.isFile
    else { return nil }
    return try? reader.blob(entry.id, limit: ManifestLimits.standard.bytes)
  }
}
