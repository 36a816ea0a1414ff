import CLibgit2

/// Access to the objects of a remote, on this machine or over the network.
struct RemoteSource {
  private enum Way {
    case path(LocalRemote)
    case network(NetworkRemote)
  }

  private let way: Way
  private let mirror: RepositoryHandle

  init(_ operation: NetworkOperation, for mirror: RepositoryHandle) throws(GitError) {
    self.mirror = mirror
    if case .path(let path) = operation.remote.url {
      way = .path(try LocalRemote(operation, path: path))
    } else {
      way = .network(try NetworkRemote(operation, in: mirror, pushing: false))
    }
  }

  /// The refs of the remote and their targets.
  func advertised() throws(GitError) -> [String: ObjectID] {
    switch way {
    case .path(let remote): try remote.advertised()
    case .network(let remote): try remote.advertised()
    }
  }

  /// Downloads the target of a ref. A network connection can be used for one call only.
  func download(_ ref: String, _ id: ObjectID) throws(GitError) {
    switch way {
    case .path(let remote): try remote.download([id], into: mirror)
    case .network(let remote): try remote.download([ref])
    }
  }
}

// The refs besides the branch. A user who may write these, but not the branch, must not be able to block the
// branch.
extension Mirror {
  /// The time limit for the further refs: the next fetch of the branch waits for them.
  private static let furtherLimit = Duration.seconds(120)

  /// Fetches the further refs.
  ///
  /// - Returns: the problems, one per ref.
  /// - Throws: only `GitError` of kind `.cancelled`.
  func fetchFurtherRefs() async throws(GitError) -> [RefProblem] {
    var limits = remote.limits
    limits.total = min(limits.total, Self.furtherLimit)
    return try await watched(by: limits) { (mirror, operation) throws(GitError) in
      try mirror.followAll(mirror.fetchedRefs, operation)
    }
  }

  /// Connects again and fetches some further refs.
  ///
  /// - Returns: the targets of the refs.
  func refresh(_ refs: [String], _ operation: NetworkOperation) throws(GitError) -> [String: ObjectID] {
    let all = try RemoteSource(operation, for: try opened()).advertised()
    for ref in refs { advertised[ref] = all[ref] }
    let problems = try followAll(refs, operation)
    if let problem = problems.first(where: { unusable[$0.ref] == nil }) { throw problem.error }
    return all.filter { refs.contains($0.key) }
  }

  private func followAll(
    _ refs: [String], _ operation: NetworkOperation
  ) throws(GitError) -> [RefProblem] {
    var problems: [RefProblem] = []
    for ref in refs {
      do throws(GitError) {
        try follow(ref, advertised[ref], operation)
        unusable[ref] = nil
      } catch {
        if error.kind == .cancelled { throw error }
        let problem = RefProblem(ref: ref, id: advertised[ref], error: error)
        // A connection failure may be gone at the next fetch, so the ref stays usable.
        unusable[ref] = error.isOfContent ? problem : nil
        problems.append(problem)
      }
    }
    return problems
  }

  /// Updates one further ref to its remote target; an unusable ref counts as missing.
  private func follow(_ ref: String, _ id: ObjectID?, _ operation: NetworkOperation) throws(GitError) {
    let handle = try opened()
    if let id, let known = unusable[ref], known.id == id { throw known.error }
    let old = try trackedTip(of: ref)
    guard let id else { return try set(ref, nil, from: old) }
    do throws(GitError) {
      if !handle.has(id) { try RemoteSource(operation, for: handle).download(ref, id) }
      let commit = try handle.commit(behind: id)
      if commit != old {
        try handle.checkHistory(of: commit, since: old)
        let tree = try handle.commit(commit).tree
        if tree != .emptyTree { _ = try handle.read(tree, GIT_OBJECT_TREE) }
      }
      try set(ref, commit, from: old)
    } catch {
      guard error.isOfContent else { throw error }
      if fetchedRefs.contains(ref) { try set(ref, nil, from: old) }
      throw GitError(
        error.kind, "\(ref) of \(remote.url) cannot be used: \(error.message)",
        hint: "remove it, and the daemon writes a new one: git push \(remote.url) :\(ref)")
    }
  }

  private func set(_ ref: String, _ commit: ObjectID?, from old: ObjectID?) throws(GitError) {
    try opened().move(Self.trackingRef(ref), to: commit, from: old, reason: "fetch")
  }

  /// The tracked target of a further ref; nil if there is none. A tracking ref with invalid content is
  /// removed.
  func trackedTip(of ref: String) throws(GitError) -> ObjectID? {
    let handle = try opened()
    do throws(GitError) {
      return try handle.target(of: Self.trackingRef(ref))
    } catch {
      try check(
        git_reference_remove(handle.pointer, Self.trackingRef(ref)), "remove the damaged copy of \(ref)")
      return nil
    }
  }

  /// Drops the tracking refs of further refs that cannot be read; the next fetch restores them.
  func dropUnreadableRefs() throws(GitError) {
    let handle = try opened()
    for ref in fetchedRefs {
      guard let tip = try trackedTip(of: ref) else { continue }
      do throws(GitError) {
        let tree = try handle.commit(tip).tree
        if tree != .emptyTree { _ = try handle.read(tree, GIT_OBJECT_TREE) }
      } catch {
        try set(ref, nil, from: tip)
      }
    }
  }
}

extension RepositoryHandle {
  /// The maximum number of commits to check, newest first.
  private static let checkedCommits = 2000

  /// Checks that kdops and libgit2 can read the new commits. libgit2's walks and fetches fail at the first
  /// unreadable one.
  ///
  /// - Parameter old: the commit that was checked before.
  /// - Throws: `GitError`: `.malformed`, `.tooLarge`, `.gone`.
  func checkHistory(of tip: ObjectID, since old: ObjectID?) throws(GitError) {
    if tip == old { return }
    var seen: Set<ObjectID> = [tip]
    var pending = [tip]
    var next = 0
    // Checked before libgit2 reads the commit, because libgit2 loads a commit of any size.
    while next < pending.count, next < Self.checkedCommits {
      for parent in try commit(pending[next]).parents where parent != old && seen.insert(parent).inserted {
        pending.append(parent)
      }
      next += 1
    }
    let step = "walk the history of \(tip.short)"
    let walk = try Owned(step, release: git_revwalk_free) { git_revwalk_new(&$0, pointer) }
    do throws(GitError) {
      var raw = tip.raw
      try check(git_revwalk_push(walk.pointer, &raw), step)
      if let old, has(old) {
        raw = old.raw
        try check(git_revwalk_hide(walk.pointer, &raw), step)
      }
      for _ in 0..<Self.checkedCommits {
        let code = git_revwalk_next(&raw, walk.pointer)
        if code == GIT_ITEROVER.rawValue { break }
        try check(code, step)
      }
      git_error_clear()
    } catch {
      throw error.kind == .gone
        ? error
        : GitError(.malformed, error.message, hint: "take the commit out of the history: run `git fsck`")
    }
  }
}
