import DesiredState
import Diagnostics
import GitStore
import Manifests
import Values

/// The data that a rehearsal reads from the user's repository: the settings and the image files of one
/// commit.
struct RehearsalImages: Sendable {
  var settings: JSON?
  var files: [TreeEntry]
  var contents: [[UInt8]]

  static func read(_ commit: ObjectID, in repository: GitRepository) async throws -> RehearsalImages {
    guard let entry = try await repository.entry(at: RepositoryLayout.path, in: commit), entry.isFile else {
      return RehearsalImages(settings: nil, files: [], contents: [])
    }
    let bytes = try await repository.blob(entry.id, limit: ManifestLimits.standard.bytes)
    let folders = Set(RepositoryLayout.parse(bytes).layout.images.compactMap(\.rootfs)).sorted()
    var files: [TreeEntry] = []
    if !folders.isEmpty {
      let selection = try PathSelection(patterns: folders.map { "\($0)/**" })
      files = try await repository.tree(at: commit, selection, limits: ImageFiles.tree).filter(\.isFile)
    }
    let contents = try await ImageFiles.read(files, atMost: ImageFiles.totalBytes, in: repository)
    return RehearsalImages(
      settings: SettingsFile(path: RepositoryLayout.path, bytes: bytes).json, files: files,
      contents: contents)
  }
}

/// A bare repository in the rehearsal's folder. The user's repository is never written.
struct RehearsalRepository: Sendable {
  let path: String
  private let repository: GitRepository

  static func make(in folder: String) async throws -> RehearsalRepository {
    let path = "\(folder)/repository.git"
    return RehearsalRepository(path: path, repository: try await GitRepository.initBare(path: path))
  }

  /// Creates a commit on `main` with exactly these files.
  ///
  /// - Returns: The id of the commit.
  func commit(_ objects: [String: JSON], _ images: RehearsalImages, message: String, now: Int64) async throws
    -> String
  {
    var entries = images.files
    for (entry, bytes) in zip(images.files, images.contents) {
      guard try await repository.writeBlob(bytes) == entry.id else {
        throw GitError(.other, "the file \(entry.path) of an image was not copied as it is")
      }
    }
    var texts = objects.mapValues { $0.text(pretty: true) + "\n" }
    // JSON is valid YAML.
    texts[RepositoryLayout.path] = RehearsalFiles.settings(images.settings).text(pretty: true) + "\n"
    for (path, text) in texts {
      let id = try await repository.writeBlob(Array(text.utf8))
      entries.append(TreeEntry(path: path, id: id, kind: .file(executable: false)))
    }
    let ref = "refs/heads/main"
    let parent = try await repository.target(of: ref)
    let author = Signature(name: "kdops rehearse", email: "rehearse@localhost", seconds: now)
    let commit = try await repository.writeCommit(
      tree: try await repository.writeTree(of: entries), parents: parent.map { [$0] } ?? [], message: message,
      author: author)
    try await repository.updateRef(ref, to: commit, expecting: parent)
    return commit.hex
  }
}
