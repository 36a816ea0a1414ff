import Diagnostics
import GitStore
import Manifests
import Reconciler
import Rules

/// One side of a comparison: the files of a commit, of the index or of a folder, read.
struct Side: Sendable {
  let layout: RepositoryLayout
  /// What is wrong with `.kdops.yaml`. With an error among them the other files were not read.
  let layoutFindings: [Diagnostic]
  private(set) var snapshot: Snapshot
  private var entries: [String: TreeEntry] = [:]
  private var texts: [String: [UInt8]] = [:]

  var isUsable: Bool { !layoutFindings.contains { $0.severity == .error } }

  /// The files that could not be read whole, in order.
  var unreadFiles: [String] {
    entries.keys.filter { path in
      snapshot.findings(in: path).contains { $0.severity == .error && $0.object == nil }
    }.sorted()
  }

  /// A side without files.
  init(layout: (layout: RepositoryLayout, findings: [Diagnostic])) {
    (self.layout, layoutFindings) = layout
    snapshot = Snapshot(defaultNamespace: layout.layout.defaultNamespace)
  }

  /// The bytes of a file as they were judged.
  func text(_ path: String) -> [UInt8]? { texts[path] }

  /// Has findings know where things stand.
  mutating func finish() {
    let texts = texts
    snapshot.contents = { texts[$0] }
  }

  // MARK: From git

  /// Reads the side that these entries make.
  ///
  /// - Parameters:
  ///   - entries: everything that the layout selects.
  ///   - base: another side; with the same layout, files that are the same there are not read again.
  /// - Returns: the side, and what differs from the base; nil where everything may.
  static func read(
    _ entries: [TreeEntry], layout: (layout: RepositoryLayout, findings: [Diagnostic]),
    in repository: GitRepository,
    base: Side? = nil
  ) async throws -> (side: Side, changes: Changes?) {
    var side = Side(layout: layout)
    guard side.isUsable else { return (side, nil) }
    var isComparable = false
    if let base, base.isUsable, base.layout == side.layout {
      side = base.with(layout)
      isComparable = true
    }
    let relevant = entries.filter { RepositoryLayout.isManifest($0.path) || !$0.isFile }
    let gone = Set(side.entries.keys).subtracting(relevant.map(\.path))
    var found = Changes()
    for path in gone { found.formUnion(side.remove(path)) }
    let fresh = relevant.filter { side.entries[$0.path] != $0 }
    let files = fresh.filter(\.isFile)
    let namespace = side.layout.defaultNamespace
    let read = try await repository.readBlobs(files.map(\.id)) { index, bytes in
      (ManifestFile.parse(path: files[index].path, bytes: bytes, defaultNamespace: namespace), Array(bytes))
    }
    for (entry, (file, bytes)) in zip(files, read) { found.formUnion(side.put(entry, file, bytes)) }
    for entry in fresh where !entry.isFile {
      found.formUnion(side.put(entry, ManifestFile(unread: entry), nil))
    }
    return (side, isComparable ? found : nil)
  }

  /// The same files under a layout that says the same, with what is to be warned of in it.
  private func with(_ layout: (layout: RepositoryLayout, findings: [Diagnostic])) -> Side {
    var side = Side(layout: layout)
    (side.snapshot, side.entries, side.texts) = (snapshot, entries, texts)
    return side
  }

  private mutating func put(_ entry: TreeEntry, _ file: ManifestFile, _ bytes: [UInt8]?) -> Changes {
    entries[entry.path] = entry
    texts[entry.path] = bytes
    return snapshot.update(file)
  }

  private mutating func remove(_ path: String) -> Changes {
    entries[path] = nil
    texts[path] = nil
    return snapshot.remove(path: path)
  }

  // MARK: From a folder

  /// Reads the files of a folder on disk.
  static func read(folder: String) async throws -> (side: Side, tree: WorkTree) {
    let name = RepositoryLayout.path
    let top = try await WorkTree.list(path: folder, PathSelection(patterns: [name, "**/\(name)"]))
    // A folder in a larger repository that has a layout of its own is a repository to be.
    let own = top.files.contains { $0.isFile && $0.path == top.asked + name }
    let root = own ? top.asked : ""
    var layout = (layout: RepositoryLayout(), findings: [Diagnostic]())
    if top.files.contains(where: { $0.isFile && $0.path == root + name }) {
      layout = RepositoryLayout.parse(try top.read(root + name, limit: ManifestLimits.standard.bytes))
    }
    var side = Side(layout: layout)
    guard side.isUsable else { return (side, top) }
    let globs = (side.layout.apps + side.layout.clusters).map { root + $0 }
    let tree = try await WorkTree.list(path: folder, PathSelection(patterns: globs))
    let relevant = tree.files.filter { RepositoryLayout.isManifest($0.path) || !$0.isFile }
    let files = relevant.filter(\.isFile)
    for (entry, (file, bytes)) in zip(files, try await parse(files, of: tree, side.layout.defaultNamespace)) {
      _ = side.put(entry, file, bytes)
    }
    for entry in relevant where !entry.isFile { _ = side.put(entry, ManifestFile(unread: entry), nil) }
    return (side, tree)
  }

  /// Reads files side by side; what comes back is in the order of `files`.
  private static func parse(
    _ files: [TreeEntry], of tree: WorkTree, _ namespace: String
  ) async throws -> [(ManifestFile, [UInt8])] {
    let size = 128
    return try await withThrowingTaskGroup(of: (Int, [(ManifestFile, [UInt8])]).self) { group in
      for start in stride(from: 0, to: files.count, by: size) {
        group.addTask {
          let part = try files[start..<min(start + size, files.count)].map { entry in
            let bytes = try tree.read(entry.path, limit: ManifestLimits.standard.bytes)
            return (ManifestFile.parse(path: entry.path, bytes: bytes, defaultNamespace: namespace), bytes)
          }
          return (start, part)
        }
      }
      var parts: [Int: [(ManifestFile, [UInt8])]] = [:]
      for try await (start, part) in group { parts[start] = part }
      return parts.sorted { $0.key < $1.key }.flatMap(\.value)
    }
  }
}
