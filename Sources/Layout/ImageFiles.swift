import GitStore

/// The files of the images of `.kdops.yaml`, which are held in memory: how many there may be and how large.
public enum ImageFiles {
  /// Bytes of all images together.
  public static let totalBytes = 64 << 20
  /// What one image's folder may hold.
  public static let tree = TreeLimits(files: 20_000, folders: 20_000, names: 200_000)

  /// Reads files whole.
  ///
  /// - Parameter left: how many bytes they may have together.
  /// - Throws: `GitError` of kind `.tooLarge`, before anything larger is loaded.
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
