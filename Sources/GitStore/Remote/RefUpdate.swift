import CLibgit2
import Values

/// The changes to write to one ref of the remote.
public struct RefUpdate: Sendable, Hashable {
  /// How the changes map to paths of the ref's tree.
  public enum Changes: Sendable, Hashable {
    /// Contents by path; nil removes a file.
    case files([String: [UInt8]?])
    /// Notes by commit; nil removes one.
    case notes([ObjectID: [UInt8]?])
  }

  public let ref: String
  public let changes: Changes
  /// The message of the commit that carries the changes.
  public let message: String

  /// The longest allowed content, in bytes.
  public static let contentLimit = 1024 * 1024

  /// - Throws: `GitError` of kind `.invalid` for a ref outside `refs/notes/`, `refs/kdops/` and
  ///   `refs/heads/kdops/`, and for contents longer than `contentLimit`.
  public init(ref: String, _ changes: Changes, message: String) throws(GitError) {
    try GitLibrary.start()
    let allowed = ["refs/notes/", "refs/kdops/", "refs/heads/kdops/"].contains { ref.hasPrefix($0) }
    var valid: Int32 = 0
    let ours = [Mirror.trackingRef("refs/"), NetworkRemote.outgoing].contains { ref.hasPrefix($0) }
    guard allowed, !ours, git_reference_name_is_valid(&valid, ref) == 0, valid == 1
    else {
      throw GitError(
        .invalid, "\(ref.singleLine) is no ref that status may be written to",
        hint: "use one below refs/notes/, refs/kdops/ or refs/heads/kdops/")
    }
    let contents =
      switch changes {
      case .files(let files): Array(files.values)
      case .notes(let notes): Array(notes.values)
      }
    if contents.contains(where: { ($0?.count ?? 0) > Self.contentLimit }) {
      throw GitError(.invalid, "a status of more than 1 MiB is not written to \(ref)", hint: "shorten it")
    }
    self.ref = ref
    self.changes = changes
    self.message = message
  }
}

/// The result of publishing.
public struct PublishResult: Sendable, Hashable {
  /// The new commit of each ref that moved; empty if the remote already had everything.
  public let commits: [String: ObjectID]
  /// How many attempts were made; 0 if there was nothing to send.
  public let attempts: Int

  public init(commits: [String: ObjectID], attempts: Int) {
    self.commits = commits
    self.attempts = attempts
  }
}

/// How publishing is retried when another writer was faster.
public struct RetryPolicy: Sendable {
  public var attempts: Int
  public var backoff: Backoff
  /// Waits for a delay; tests pass a function that returns at once.
  public var sleep: @Sendable (Duration) async throws -> Void

  public init(
    attempts: Int = 8, backoff: Backoff = Backoff(first: .milliseconds(100), limit: .seconds(5)),
    sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
  ) {
    self.attempts = attempts
    self.backoff = backoff
    self.sleep = sleep
  }
}
