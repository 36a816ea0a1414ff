import Diagnostics
import GitStore
import Manifests
import Rules
import Values

/// A layout, and the findings about the file that it was read from.
public typealias FoundLayout = (layout: RepositoryLayout, findings: [Diagnostic])

/// A revision as the judge needs it: the objects in the files of a commit, of the index or of a folder.
public struct Revision: Sendable {
  public let layout: RepositoryLayout
  /// The findings about `.kdops.yaml`. If one of them is an error, the other files were not read.
  public let layoutFindings: [Diagnostic]
  public private(set) var snapshot: Snapshot
  private let texts: FileContents

  public var isUsable: Bool { !layoutFindings.contains { $0.severity == .error } }

  /// The files that could not be read completely, sorted.
  public var unreadFiles: [String] {
    snapshot.paths.filter { path in
      snapshot.findings(in: path).contains { $0.severity == .error && $0.object == nil }
    }.sortedExactly()
  }

  /// The bytes of a file as they were judged.
  public func text(_ path: String) -> [UInt8]? { texts.text(path) }

  /// The lines of a file as they were judged.
  public func source(_ path: String) -> SourceText? { texts.source(path) }

  /// - Parameter snapshot: With nil, the revision has no files.
  private init(_ found: FoundLayout, _ snapshot: Snapshot? = nil, texts: FileContents) {
    (layout, layoutFindings) = found
    self.snapshot = snapshot ?? Snapshot(defaultNamespace: found.layout.defaultNamespace)
    self.texts = texts
    self.snapshot.contents = { texts.text($0) }
  }

  /// A revision that cannot be read as a whole, with the reason.
  static func unreadable(_ finding: Diagnostic) -> Revision {
    Revision((RepositoryLayout(), [finding]), texts: FileContents([:]))
  }

  // MARK: From git

  /// Reads all files.
  ///
  /// - Parameter entries: The entries that the layout selects.
  static func read(
    _ entries: [TreeEntry], _ found: FoundLayout, texts: FileContents, in repository: GitRepository
  ) async throws -> Revision {
    var side = Revision(found, texts: texts)
    if side.isUsable { try await side.snapshot.replace([], with: entries, in: repository) }
    return side
  }

  /// Creates the revision that the facts describe. Files are read only on demand.
  init(_ facts: TreeFacts, _ found: FoundLayout, texts: FileContents) {
    self.init(found, Snapshot(facts, defaultNamespace: found.layout.defaultNamespace), texts: texts)
  }

  /// Reads the files that differ between this revision and another.
  ///
  /// - Parameter found: A layout with the same places.
  /// - Returns: The other revision, and the changes that the judge has to examine.
  func changed(
    by differences: [TreeChange], _ found: FoundLayout, texts: FileContents, in repository: GitRepository
  ) async throws -> (side: Revision, changes: Changes) {
    var side = Revision(found, snapshot, texts: texts)
    let changes = try await side.snapshot.replace(
      differences.compactMap(\.old), with: differences.compactMap(\.new), in: repository)
    return (side, changes)
  }

  // MARK: From a folder

  /// Reads the files of a folder on disk.
  ///
  /// - Returns: The revision, and the requested folder relative to the repository's root.
  public static func read(folder: String) async throws -> (side: Revision, asked: String) {
    do {
      let (side, tree) = try await whole(folder)
      return (side, tree.asked)
    } catch let error as GitError {
      guard let finding = Diagnostic(unreadable: error) else { throw error }
      // An error of the whole repository is reported even if only a part was requested.
      return (unreadable(finding), "")
    }
  }

  private static func whole(_ folder: String) async throws -> (side: Revision, tree: WorkTree) {
    let name = RepositoryLayout.path
    let top = try await WorkTree.list(path: folder, PathSelection(patterns: [name, "**/\(name)"]))
    // A folder with its own layout inside a larger repository is treated as a future repository.
    let own = top.files.contains { $0.path.isExactly(top.asked + name) }
    let root = own ? top.asked : ""
    let found = try RepositoryLayout.read(top.files.first { $0.path.isExactly(root + name) }, in: top)
    let empty = Revision(found, texts: FileContents([:]))
    guard empty.isUsable else { return (empty, top) }
    let globs = (found.layout.apps + found.layout.clusters).map { root + $0 }
    let tree = try await WorkTree.list(path: folder, PathSelection(patterns: globs))
    let entries = tree.files.filter(RepositoryLayout.mayHoldObjects)
    let files = entries.filter(\.isFile)
    let read = try await parse(files, of: tree, found.layout.defaultNamespace)
    let texts = Dictionary(
      zip(files.map { ExactString($0.path) }, read.map(\.1)), uniquingKeysWith: { first, _ in first })
    var side = Revision(found, texts: FileContents(texts))
    for (file, _) in read { side.snapshot.update(file) }
    for entry in entries where !entry.isFile { side.snapshot.update(ManifestFile(unread: entry)) }
    return (side, tree)
  }

  /// Reads and parses files concurrently; the result is in the order of `files`.
  private static func parse(
    _ files: [TreeEntry], of tree: WorkTree, _ namespace: String
  ) async throws -> [(SnapshotFile, [UInt8])] {
    let size = 128
    let budget = ReadingBudget()
    return try await withThrowingTaskGroup(of: (Int, [(SnapshotFile, [UInt8])]).self) { group in
      for start in stride(from: 0, to: files.count, by: size) {
        group.addTask {
          let part = try files[start..<min(start + size, files.count)].map { entry in
            try budget.check()
            let bytes = try tree.read(entry.path, limit: ManifestLimits.standard.bytes)
            let file = SnapshotFile(
              ManifestFile.parse(path: entry.path, bytes: bytes, defaultNamespace: namespace),
              defaultNamespace: namespace)
            budget.take(values: file.valueCount, bytes: bytes.count)
            return (file, bytes)
          }
          return (start, part)
        }
      }
      var parts: [Int: [(SnapshotFile, [UInt8])]] = [:]
      for try await (start, part) in group { parts[start] = part }
      try budget.check()
      return parts.sorted { $0.key < $1.key }.flatMap(\.value)
    }
  }
}
