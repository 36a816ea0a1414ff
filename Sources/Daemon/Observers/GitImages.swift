import DesiredState
import EmbeddedCluster
import GitStore
import Logging
import Reconciler
import Values

/// The images of `.kdops.yaml`, with their files from git: the images that the embedded node can pull at a commit.
actor GitImages {
  /// By the path of the folder.
  private var loaded: [ExactString: Loaded] = [:]

  private struct Loaded {
    var entries: [TreeEntry]
    var files: GitRootFS
  }

  /// The catalog that a commit's `.kdops.yaml` describes.
  func catalog(at commit: ObjectID, in repository: GitRepository) async throws -> ImageCatalog {
    let entry = try await repository.entry(at: RepositoryLayout.path, in: commit)
    let layout = try await RepositoryLayout.read(entry, in: repository).layout
    return try await catalog(layout, at: commit, in: repository)
  }

  /// The catalog at a commit. Folders that did not change since the last call are not read again.
  func catalog(
    _ layout: RepositoryLayout, at commit: ObjectID, in repository: GitRepository
  ) async throws -> ImageCatalog {
    var entries: [ImageCatalog.Entry] = []
    var left = ImageFiles.totalBytes
    // Several images may share a folder, which is read once.
    var counted: Set<ExactString> = []
    let listed = try await ImageFiles.list(layout.images, at: commit, in: repository)
    for image in layout.images {
      var files: GitRootFS?
      if let folder = image.rootfs {
        let found = try await rootfs(
          folder, listed[ExactString(folder)] ?? [], atMost: left, in: repository)
        if counted.insert(ExactString(folder)).inserted {
          left -= found.files.reduce(0) { $0 + $1.bytes.count }
        }
        files = found
      }
      entries.append(
        ImageCatalog.Entry(
          image: image.image, rootfs: files, pull: image.pull, start: image.start, crash: image.crash))
    }
    loaded = loaded.filter { counted.contains($0.key) }
    return ImageCatalog(entries)
  }

  private func rootfs(
    _ folder: String, _ entries: [TreeEntry], atMost left: Int, in repository: GitRepository
  ) async throws -> GitRootFS {
    // Only files in the folder with exactly this name are used.
    let found = entries.compactMap { entry in Self.file(entry, below: folder) }
    let key = ExactString(folder)
    let listed = found.map(\.entry)
    if let known = loaded[key], known.entries == listed { return known.files }
    let contents = try await ImageFiles.read(listed, atMost: left, in: repository)
    let files = zip(found, contents).map { file, bytes in
      GitRootFS.File(
        path: file.path, bytes: bytes, isExecutable: file.entry.kind == .file(executable: true))
    }
    loaded[key] = Loaded(entries: listed, files: GitRootFS(files: files))
    return GitRootFS(files: files)
  }

  /// A file of a folder, with its path relative to the folder; nil for anything else.
  static func file(_ entry: TreeEntry, below folder: String) -> (entry: TreeEntry, path: [UInt8])? {
    let prefix = Array(folder.utf8) + [UInt8(ascii: "/")]
    guard entry.isFile, entry.path.utf8.starts(with: prefix) else { return nil }
    return (entry, Array(entry.path.utf8.dropFirst(prefix.count)))
  }
}

/// The files of one image, from git.
struct GitRootFS: RootFS {
  struct File: Sendable {
    /// The path of the file, relative to the image's folder.
    var path: [UInt8]
    var bytes: [UInt8]
    var isExecutable: Bool
  }

  let files: [File]

  func materialise(into root: RootFolder) throws {
    for file in files { try root.write(file.bytes, to: file.path, isExecutable: file.isExecutable) }
  }
}
