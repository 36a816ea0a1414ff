import Diagnostics
import GitStore
import Manifests
import Synchronization
import Values

/// The bytes of a revision's files, for the line and column of findings. Only recently used files are kept as lines.
final class FileContents: Sendable {
  private let reader: ObjectReader?
  /// The files of folders on disk, which were read already.
  private let known: [ExactString: [UInt8]]
  private let places: Mutex<BlobPlaces>
  /// A cache of the files, split into lines.
  private let lines = Mutex(WeightedCache<ExactString, SourceText?>(limit: 2 << 20))

  /// Creates the files of a tree, with replacements for some of them.
  ///
  /// - Parameters:
  ///   - selection: Selects the files of the tree that are read.
  ///   - files: The blobs of files that differ from the tree; nil for deleted files.
  init(
    _ reader: ObjectReader, tree: ObjectID?, _ selection: PathSelection,
    but files: [ExactString: ObjectID?] = [:]
  ) {
    (self.reader, known) = (reader.withCommonLimit(), [:])
    places = Mutex(BlobPlaces(tree: tree, selection, but: files))
  }

  /// Creates files whose bytes were already read.
  init(_ texts: [ExactString: [UInt8]]) {
    (reader, known) = (nil, texts)
    places = Mutex(BlobPlaces(tree: nil, .all, but: [:]))
  }

  /// Returns the bytes of a file; nil if there is none. Blocks while it reads.
  ///
  /// Ignores read errors. The findings are then shown at the beginning of their file.
  func text(_ path: String) -> [UInt8]? {
    let key = ExactString(path)
    guard let reader else { return known[key] }
    guard let blob = places.withLock({ $0.blob(of: key, reader) }) else { return nil }
    return try? reader.blob(blob, limit: ManifestLimits.standard.bytes)
  }

  /// Returns the lines of a file; nil if there is none. Blocks while it reads.
  func source(_ path: String) -> SourceText? {
    let key = ExactString(path)
    if let source = lines.withLock({ $0[key] }) { return source }
    let bytes = text(path)
    let source = bytes.map(SourceText.init)
    lines.withLock { $0.insert(source, weight: max(bytes?.count ?? 0, 256), for: key) }
    return source
  }
}

/// Finds the blobs of files by their paths.
private struct BlobPlaces {
  /// Nil if there is no tree, or if it could not be listed.
  private var tree: TreePlaces?
  /// The blobs of files that differ from the tree; nil for deleted files.
  private let files: [ExactString: ObjectID?]

  init(tree: ObjectID?, _ selection: PathSelection, but files: [ExactString: ObjectID?]) {
    (self.tree, self.files) = (tree.map { TreePlaces($0, selection) }, files)
  }

  /// Returns nil if there is no such file.
  mutating func blob(of path: ExactString, _ reader: ObjectReader) -> ObjectID? {
    if let other = files[path] { return other }
    do throws(GitError) {
      guard let entry = try tree?.entry(at: path, reader), entry.isFile else { return nil }
      return entry.id
    } catch {
      if error.kind == .tooLarge { tree = nil }
      return nil
    }
  }
}
