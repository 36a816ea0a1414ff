import Diagnostics
import GitStore
import Values

/// Reads the files of the images of `.kdops.yaml` into memory, with limits on their number and size.
public enum ImageFiles {
  /// The maximum size of all images together, in bytes.
  public static let totalBytes = 64 << 20
  /// The limits of one image's folder.
  public static let tree = TreeLimits(files: 20_000, folders: 20_000, names: 200_000)
  /// The maximum number of names that are read for all images together.
  private static let totalNames = 1_000_000

  /// The files below the folders of all images, by folder. Links and submodules in a folder are left out.
  ///
  /// - Throws: `GitError`, which names the place: `.tooLarge` beyond the limits, `.malformed` for a path that is not
  ///   a folder, or a folder that cannot be read.
  public static func list(
    _ images: [RepositoryLayout.Image], at commit: ObjectID, in repository: GitRepository
  ) async throws(GitError) -> [ExactString: [TreeEntry]] {
    var files: [ExactString: [TreeEntry]] = [:]
    var (namesLeft, bytesLeft) = (totalNames, tree.bytes)
    for folder in images.compactMap(\.rootfs) where files[ExactString(folder)] == nil {
      var limits = tree
      limits.names = min(limits.names, namesLeft)
      limits.bytes = bytesLeft
      let content = try await repository.folder(folder, at: commit, limits: limits)
      namesLeft -= content.namesRead
      bytesLeft -= content.bytesRead
      files[ExactString(folder)] = content.entries.filter(\.isFile)
    }
    return files
  }

  /// The findings about the folders of a commit's images, which an embedded node could not use.
  public static func findings(
    _ images: [RepositoryLayout.Image], at commit: ObjectID, in repository: GitRepository
  ) async throws(GitError) -> [Diagnostic] {
    do throws(GitError) {
      let files = try await list(images, at: commit, in: repository)
      var left = totalBytes
      // Several images may share a folder, which is read once.
      for folder in Set(images.compactMap(\.rootfs).map { ExactString($0) }).sorted() {
        for file in files[folder] ?? [] {
          left -= try await repository.size(ofBlob: file.id)
          if left < 0 { throw tooLarge(file) }
        }
      }
      return []
    } catch {
      guard let finding = Diagnostic(unreadable: error) else { throw error }
      return [finding]
    }
  }

  /// Reads the whole content of files.
  ///
  /// - Parameter left: the maximum total size, in bytes.
  /// - Throws: `GitError` of kind `.tooLarge`, before more than the limit is loaded.
  public static func read(
    _ files: [TreeEntry], atMost left: Int, in repository: GitRepository
  ) async throws -> [[UInt8]] {
    let ids = files.map(\.id)
    let contents = try await repository.readBlobs(ids, limit: left, total: left) { _, content -> [UInt8]? in
      guard case .bytes(let bytes) = content else { return nil }
      return Array(bytes)
    }
    return try zip(files, contents).map { file, content in
      guard let content else { throw tooLarge(file) }
      return content
    }
  }

  private static func tooLarge(_ file: TreeEntry) -> GitError {
    GitError(
      .tooLarge,
      "the file \(file.path) is too large for an image, or the images are too large together: "
        + "the images of .kdops.yaml may have \(totalBytes >> 20) MiB",
      hint: "remove files from the folders under `rootfs`"
    ).at(file.path)
  }
}
