import EmbeddedCluster
import FoundationEssentials
import GitStore
import Layout
import Reconciler

/// The images of `.kdops.yaml`, with their files from git: what the embedded node can pull at a commit.
actor GitImages {
  private var loaded: [String: Loaded] = [:]

  private struct Loaded {
    var entries: [TreeEntry]
    var files: GitRootFS
  }

  /// The catalog that `.kdops.yaml` of a commit asks for.
  func catalog(at commit: ObjectID, in repository: GitRepository) async throws -> ImageCatalog {
    var layout = RepositoryLayout()
    if let entry = try await repository.entry(at: RepositoryLayout.path, in: commit), entry.isFile {
      layout = RepositoryLayout.parse(try await repository.blob(entry.id)).layout
    }
    return try await catalog(layout, at: commit, in: repository)
  }

  /// The catalog as of a commit. Folders that did not change since the last call are not read again.
  func catalog(
    _ layout: RepositoryLayout, at commit: ObjectID, in repository: GitRepository
  ) async throws -> ImageCatalog {
    var entries: [ImageCatalog.Entry] = []
    for image in layout.images {
      var files: GitRootFS?
      if let folder = image.rootfs { files = try await rootfs(folder, at: commit, in: repository) }
      entries.append(
        ImageCatalog.Entry(
          image: image.image, rootfs: files, pull: image.pull, start: image.start, crash: image.crash))
    }
    return ImageCatalog(entries)
  }

  private func rootfs(
    _ folder: String, at commit: ObjectID, in repository: GitRepository
  ) async throws -> GitRootFS {
    let entries = try await repository.tree(at: commit, PathSelection(patterns: ["\(folder)/**"])).filter(
      \.isFile)
    if let known = loaded[folder], known.entries == entries { return known.files }
    let contents = try await repository.readBlobs(entries.map(\.id)) { _, bytes in Array(bytes) }
    let files = zip(entries, contents).map { entry, bytes in
      GitRootFS.File(
        path: String(entry.path.dropFirst(folder.count + 1)), bytes: bytes,
        isExecutable: entry.kind == .file(executable: true))
    }
    loaded[folder] = Loaded(entries: entries, files: GitRootFS(files: files))
    return GitRootFS(files: files)
  }
}

/// The files of one image, as git has them.
struct GitRootFS: RootFS {
  struct File: Sendable {
    var path: String
    var bytes: [UInt8]
    var isExecutable: Bool
  }

  let files: [File]

  func materialise(into folder: String) throws {
    for file in files {
      let path = "\(folder)/\(file.path)"
      if let end = path.lastIndex(of: "/") {
        try FileManager.default.createDirectory(
          atPath: String(path[..<end]), withIntermediateDirectories: true)
      }
      try Data(file.bytes).write(to: URL(filePath: path))
      try FileManager.default.setAttributes(
        [.posixPermissions: file.isExecutable ? 0o755 : 0o644], ofItemAtPath: path)
    }
  }
}
