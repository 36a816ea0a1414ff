import GitStore

/// Reads the files of the images of `.kdops.yaml` into memory, with limits on their number and size.
public enum ImageFiles {
  /// The maximum size of all images together, in bytes.
  public static let totalBytes = 64 << 20
  /// The limits of one image's folder.
  public static let tree = TreeLimits(files: 20_000, folders: 20_000, names: 200_000)

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
      guard let content else {
        throw GitError(
          .tooLarge, "the file \(file.path) of an image has more than \(left >> 20) MiB",
          hint: "the images of .kdops.yaml may have \(totalBytes >> 20) MiB together"
        ).at(file.path)
      }
      return content
    }
  }
}
