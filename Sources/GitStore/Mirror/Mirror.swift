import CLibgit2
import Values

/// The result of a fetch.
public struct FetchResult: Sendable, Hashable {
  /// The branch's commit after the previous fetch; nil the first time.
  public let old: ObjectID?
  public let new: ObjectID
  /// The branch no longer contains its previous commit: its history was rewritten.
  public let rewritten: Bool
  /// The problems with the further refs; the branch does not depend on them.
  public let problems: [RefProblem]

  public var unchanged: Bool { old == new }

  public init(old: ObjectID?, new: ObjectID, rewritten: Bool, problems: [RefProblem] = []) {
    self.old = old
    self.new = new
    self.rewritten = rewritten
    self.problems = problems
  }
}

/// A ref of the remote, such as the notes ref, that cannot be fetched or used.
public struct RefProblem: Sendable, Hashable {
  public let ref: String
  /// The target of the ref; nil if unknown.
  public let id: ObjectID?
  public let error: GitError
}

/// The daemon's bare copy of one branch of a remote, and of the refs that the daemon writes.
///
/// The remote's refs are stored below `refs/kdops/remote/`; nothing is ever checked out, here or on the
/// remote. A damaged copy is moved aside and created again. Network calls use a handle of their own, so that
/// reads can continue in the meantime.
public actor Mirror {
  private let executor = QueueExecutor(label: "dev.kdops.mirror")
  public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  public nonisolated let remote: Remote
  /// The folder of the copy.
  public nonisolated let path: String
  /// The copy, for reading; stays the same object if a damaged copy is replaced.
  public nonisolated let repository: GitRepository
  let fetchedRefs: [String]
  private var handle: RepositoryHandle?
  /// The targets of the remote's refs as they were in a damaged copy that was replaced.
  var remembered: [String: ObjectID] = [:]
  /// The targets of the remote's further refs at the last fetch of the branch.
  var advertised: [String: ObjectID] = [:]
  /// The further refs that cannot be used. Each is retried only after its target changes.
  var unusable: [String: RefProblem] = [:]
  /// Whether a further ref has already triggered a search for damage.
  private var isSearchedForDamage = false

  private let lock: FileLock

  private init(remote: Remote, path: String, refs: [String], lock: FileLock) {
    self.lock = lock
    self.remote = remote
    self.path = path
    fetchedRefs = refs
    var location = RepositoryLocation(path: path)
    location.search = false
    repository = GitRepository(location: location)
  }

  /// Opens or creates the copy of a remote in a folder. Makes no network call.
  ///
  /// If the folder has the copy of another remote, the copy starts again from nothing; a damaged copy is
  /// moved aside to `NAME.corrupt-N`. If another process uses the copy, such as a stopped daemon, another
  /// copy is created beside it: `NAME-2` and so on.
  ///
  /// - Parameter refs: further refs to follow besides the branch, such as `refs/notes/kdops`.
  /// - Throws: `GitError` of kind `.invalid` if the folder has content that kdops did not create.
  public static func open(_ remote: Remote, at path: String, refs: [String] = []) async throws(GitError)
    -> Mirror
  {
    for number in 1...copiesAtMost {
      let own = number == 1 ? path : "\(path)-\(number)"
      guard let lock = try lock(own) else { continue }
      let mirror = Mirror(remote: remote, path: own, refs: refs, lock: lock)
      try await mirror.prepare()
      return mirror
    }
    throw GitError(
      .invalid, "\(path) and \(copiesAtMost - 1) copies beside it are all in use",
      hint: "stop daemons that are no longer needed, or give each a folder of its own")
  }

  private static let copiesAtMost = 8

  /// Locks a copy for writing; nil if another process uses it. The lock is a file beside the copy, because the copy
  /// itself may be moved aside.
  private static func lock(_ copy: String) throws(GitError) -> FileLock? {
    do throws(FileLock.Failure) { return try FileLock(path: "\(copy).lock") } catch {
      throw GitError(.invalid, error.description)
    }
  }

  /// The ref of the copy that tracks a ref of the remote.
  public static func trackingRef(_ ref: String) -> String {
    "refs/kdops/remote/" + (ref.hasPrefix("refs/") ? String(ref.dropFirst(5)) : ref)
  }

  /// The target of a remote ref at the last fetch.
  public func known(_ ref: String) throws(GitError) -> ObjectID? {
    try opened().target(of: Self.trackingRef(ref))
  }

  /// Whether a remote ref was at the commit that was pushed last at the last fetch, with its target at that time. Nil
  /// if nothing was pushed to it. Reads both at once, because a push moves both.
  public func standing(_ ref: String) throws(GitError) -> (isOwn: Bool, known: ObjectID?)? {
    guard let own = try opened().target(of: ref) else { return nil }
    let known = try known(ref)
    return (known == own, known)
  }

  /// The handle for network calls.
  func opened() throws(GitError) -> RepositoryHandle {
    if let handle {
      handle.budget = UnpackBudget()
      return handle
    }
    let new = try RepositoryHandle(repository.location)
    handle = new
    return new
  }

  /// Closes the copy, on both handles.
  func forget() async {
    handle = nil
    await repository.forget()
  }

  // MARK: Fetching

  /// Fetches a branch, and then the further refs. If the copy proves damaged, it is replaced.
  ///
  /// Problems with a further ref are part of the result and do not affect the branch.
  ///
  /// - Throws: `GitError`: `.gone`, `.unreachable`, `.timeout`, `.refused`, `.hostKey`, `.missingBranch`,
  ///   `.corruptRemote`, `.shallow`, and `.malformed` and `.tooLarge` for a history that cannot be read.
  ///   After an error nothing has changed, and the fetch can be retried.
  public func fetch(_ branch: String) async throws(GitError) -> FetchResult {
    let result = try await fetchBranch(branch)
    let problems = try await fetchFurtherRefs()
    if !isSearchedForDamage, problems.contains(where: { [.gone, .corrupt].contains($0.error.kind) }) {
      isSearchedForDamage = true
      if try await repair() {
        let again = try await fetch(branch)
        return FetchResult(
          old: result.old, new: again.new, rewritten: result.rewritten || again.rewritten,
          problems: again.problems)
      }
    }
    return FetchResult(old: result.old, new: result.new, rewritten: result.rewritten, problems: problems)
  }

  private func fetchBranch(_ branch: String) async throws(GitError) -> FetchResult {
    let ref = "refs/heads/\(branch)"
    let fetch = { @Sendable (mirror: isolated Mirror, operation: NetworkOperation) throws(GitError) in
      try mirror.fetchNow(ref, operation)
    }
    do throws(GitError) {
      return try await watched(fetch)
    } catch {
      guard [.corrupt, .corruptRemote, .gone, .other].contains(error.kind), try await repair([ref])
      else { throw error }
      return try await watched(fetch)
    }
  }

  /// Runs a closure on this actor under the network limits.
  func watched<Value: Sendable>(
    by limits: NetworkLimits? = nil,
    _ body: @escaping @Sendable (isolated Mirror, NetworkOperation) throws(GitError) -> Value
  ) async throws(GitError) -> Value {
    var remote = remote
    if let limits { remote.limits = limits }
    let operation = NetworkOperation(remote)
    return try await operation.watched { () async throws(GitError) in try await body(self, operation) }
  }

  private func fetchNow(_ ref: String, _ operation: NetworkOperation) throws(GitError) -> FetchResult {
    let handle = try opened()
    let old = try handle.target(of: Self.trackingRef(ref)) ?? remembered[ref]
    let source = try RemoteSource(operation, for: try opened())
    let all = try source.advertised()
    advertised = all.filter { fetchedRefs.contains($0.key) }
    guard let tip = all[ref] else { throw missing(ref, Array(all.keys)) }
    if try handle.target(of: Self.trackingRef(ref)) != tip || !handle.has(tip) {
      try source.download(ref, tip)
    }
    let new = try handle.commit(behind: tip)
    try handle.checkHistory(of: new, since: old)
    try handle.move(
      Self.trackingRef(ref), to: new, from: try handle.target(of: Self.trackingRef(ref)), reason: "fetch")
    remembered[ref] = nil
    var rewritten = false
    if let old, old != new {
      // After a copy was replaced, a commit that a rewrite removed no longer exists.
      rewritten = !handle.has(old)
      if !rewritten { rewritten = try !handle.isAncestor(old, of: new) }
    }
    return FetchResult(old: old, new: new, rewritten: rewritten)
  }

  func missing(_ ref: String, _ others: [String]) -> GitError {
    let branch = ref.dropFirst("refs/heads/".count)
    let names = others.filter { $0.hasPrefix("refs/heads/") }.map { $0.dropFirst("refs/heads/".count) }
      .sorted()
    return GitError(
      .missingBranch, "\(remote.url) has no branch \(branch)",
      hint: names.isEmpty ? "push a first commit to it" : "it has \(names.prefix(10).joined(separator: ", "))"
    )
  }
}
