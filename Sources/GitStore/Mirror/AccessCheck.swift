extension Mirror {
  /// Connects to the remote with its credentials and reads the head of a branch. Fetches nothing.
  ///
  /// - Throws: the same errors as `fetch`.
  public func remoteHead(of branch: String) async throws(GitError) -> ObjectID {
    let ref = "refs/heads/\(branch)"
    let read = {
      @Sendable (mirror: isolated Mirror, operation: NetworkOperation) throws(GitError) -> ObjectID in
      let all = try RemoteSource(operation, for: try mirror.opened()).advertised()
      guard let head = all[ref] else { throw mirror.missing(ref, Array(all.keys)) }
      return head
    }
    return try await watched(read)
  }
}
