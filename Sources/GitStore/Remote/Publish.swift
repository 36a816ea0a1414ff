import CLibgit2

extension Mirror {
  /// Writes changes to refs of the remote: on top of other writers' commits, never by force.
  ///
  /// Each ref gets one commit. A ref whose tree stays the same gets none, and if nothing changes, the remote
  /// is not contacted. If another writer was faster, its commit is fetched and the changes are applied on top
  /// of it: the paths written in this call win, and all other paths keep the other writer's content.
  ///
  /// - Parameters:
  ///   - author: the author and time of the commits.
  ///   - check: called with each update before it is applied to the remote's state, and again after each lost
  ///     race. An error that it throws ends the call, and nothing more is written.
  /// - Throws: `GitError`: `.rejectedPush` if the remote rejects a ref, `.conflict` if other writers were
  ///   faster every time, and the errors of `fetch` and `check`.
  public func publish(
    _ updates: [RefUpdate], author: Signature, retry: RetryPolicy = RetryPolicy(),
    check: @escaping @Sendable (RefUpdate, FetchedRefs) throws(GitError) -> Void = { _, _ in }
  ) async throws(GitError) -> PublishResult {
    var done: [String: ObjectID] = [:]
    var rest = updates
    var refused: Set<String> = []
    for attempt in 0..<max(1, retry.attempts) {
      if attempt > 0 {
        do {
          try await retry.sleep(retry.backoff.delay(attempt: attempt - 1))
        } catch {
          throw GitError(.cancelled, "publishing to \(remote.url) was cancelled")
        }
      }
      let left = rest
      let step = try await watched { (mirror, operation) throws(GitError) in
        if attempt > 0 { _ = try mirror.refresh(left.map(\.ref), operation) }
        return try mirror.publishOnce(left, author, operation, check)
      }
      done.merge(step.moved) { $1 }
      // A server also rejects a ref while another writer's push to it is in progress, so a rejection is
      // retried once.
      if let (ref, error) = step.refused.min(by: { $0.key < $1.key }) {
        if isOnThisMachine || !refused.insert(ref).inserted { throw error }
      }
      rest = rest.filter { step.late.contains($0.ref) || step.refused[$0.ref] != nil }
      if rest.isEmpty { return PublishResult(commits: done, attempts: step.asked ? attempt + 1 : attempt) }
    }
    throw GitError(
      .conflict,
      "others wrote to \(rest.map(\.ref).joined(separator: ", ")) of \(remote.url) faster every time",
      hint: "it is tried again")
  }

  private struct Step: Sendable {
    var moved: [String: ObjectID] = [:]
    /// The refs that another writer moved first.
    var late: Set<String> = []
    /// The refs that did not move although no other writer moved them.
    var refused: [String: GitError] = [:]
    var asked = false
  }

  private func publishOnce(
    _ updates: [RefUpdate], _ author: Signature, _ operation: NetworkOperation,
    _ check: (RefUpdate, FetchedRefs) throws(GitError) -> Void
  ) throws(GitError) -> Step {
    let fetched = FetchedRefs(try opened())
    var pushes: [PushedRef] = []
    var refused: [String: GitError] = [:]
    for update in updates {
      do throws(GitError) {
        if let problem = unusable[update.ref] { throw problem.error }
        try check(update, fetched)
        if let push = try prepare(update, author) { pushes.append(push) }
      } catch {
        // Bad content that another writer put into one ref must not block the others.
        guard error.isOfContent else { throw error }
        refused[update.ref] = error
      }
    }
    var step = pushes.isEmpty ? Step() : try push(pushes, operation)
    step.refused.merge(refused) { $1 }
    return step
  }

  /// Writes the commit that applies an update to the remote's last known state; nil if nothing changes.
  private func prepare(_ update: RefUpdate, _ author: Signature) throws(GitError) -> PushedRef? {
    let handle = try opened()
    let tip = try handle.target(of: Self.trackingRef(update.ref))
    var base: ObjectID?
    if let tip { base = try handle.tree(ofCommit: tip) }
    var edits: [String: TreeEdit] = [:]
    switch update.changes {
    case .notes(let notes): edits = try handle.edits(forNotes: notes, inTree: base)
    case .files(let files):
      for (path, content) in files {
        if let content {
          edits[path] = .put(mode: FileMode.file, id: try handle.write(blob: content))
        } else {
          edits[path] = .remove
        }
      }
    }
    let tree = try handle.writeTreeEvenEmpty(base: base, edits: edits)
    if tree == base ?? .emptyTree { return nil }
    let commit = try handle.writeCommit(
      tree: tree, parents: tip.map { [$0] } ?? [], message: update.message, author: author, committer: author)
    return PushedRef(ref: update.ref, old: tip, new: commit)
  }

  private nonisolated var isOnThisMachine: Bool {
    if case .path = remote.url { true } else { false }
  }

  /// Pushes, and distinguishes a ref that moved in the meantime from one that the remote refuses to move.
  private func push(_ pushes: [PushedRef], _ operation: NetworkOperation) throws(GitError) -> Step {
    var step = Step(asked: true)
    let answer: PushAnswer
    do throws(GitError) {
      answer = try send(pushes, operation)
    } catch {
      guard error.kind == .conflict else { throw error }
      step.late = Set(pushes.map(\.ref))
      return step
    }
    let handle = try opened()
    for push in pushes where answer.rejected[push.ref] == nil && !answer.late.contains(push.ref) {
      step.moved[push.ref] = push.new
      // A fetch in progress may have read the remote's refs before this push; it must not reset the ref to that state.
      if fetchedRefs.contains(push.ref) { advertised[push.ref] = push.new }
      for ref in [Self.trackingRef(push.ref), push.ref] {
        try handle.move(ref, to: push.new, from: try handle.target(of: ref), reason: "push")
      }
    }
    step.late = answer.late
    guard !answer.rejected.isEmpty else { return step }
    // The remote's reason is text for people. The decision depends on whether the ref has moved.
    let now = try refresh(Array(answer.rejected.keys), operation)
    for push in pushes {
      guard let reason = answer.rejected[push.ref] else { continue }
      if now[push.ref] == push.old {
        let words = answer.words.map { ": \($0)" } ?? ""
        step.refused[push.ref] = GitError(
          .rejectedPush, "\(remote.url) refuses \(push.ref) (\(reason.singleLine))\(words)",
          hint: "allow this ref in the remote's hooks and rules, or switch this kind of status off")
      } else {
        step.late.insert(push.ref)
      }
    }
    return step
  }

  private func send(_ pushes: [PushedRef], _ operation: NetworkOperation) throws(GitError) -> PushAnswer {
    let handle = try opened()
    if case .path(let path) = remote.url {
      return try LocalRemote(operation, path: path).upload(pushes, from: handle)
    }
    let connection = try NetworkRemote(operation, in: handle, pushing: true)
    let there = try connection.advertised()
    guard pushes.allSatisfy({ there[$0.ref] == $0.old }) else {
      throw GitError(.conflict, "\(remote.url) has moved on", hint: "fetch, merge and push again")
    }
    return try connection.upload(pushes)
  }

  /// Commits files on top of a branch of the remote and pushes the commit, for example to revert a change.
  ///
  /// - Parameters:
  ///   - head: the expected head of the branch and the parent of the commit. It must have been fetched.
  ///   - changes: contents by path; nil removes the file.
  ///   - seal: transforms the commit's text before it is stored, for example to add a line or a signature.
  /// - Returns: the new commit; `head` if nothing changes.
  /// - Throws: `GitError`: `.conflict` if the branch has another head by now, `.rejectedPush` if the remote
  ///   rejects the push.
  public func pushCommit(
    to branch: String, onto head: ObjectID, _ changes: [String: [UInt8]?], message: String, author: Signature,
    seal: @Sendable ([UInt8]) async throws(GitError) -> [UInt8] = { $0 }
  ) async throws(GitError) -> ObjectID {
    let ref = "refs/heads/\(branch)"
    let text = try await watched { (mirror, _) throws(GitError) -> [UInt8]? in
      let handle = try mirror.opened()
      let commit = try handle.writeCommit(
        onto: head, changes, message: message, author: author, keepingEmpty: false)
      return try commit.map { commit throws(GitError) in try handle.read(commit, GIT_OBJECT_COMMIT).bytes }
    }
    guard let text else { return head }
    let sealed = try await seal(text)
    let step = try await watched { (mirror, operation) throws(GitError) -> Step in
      let commit = try mirror.opened().write(sealed, GIT_OBJECT_COMMIT)
      return try mirror.push([PushedRef(ref: ref, old: head, new: commit)], operation)
    }
    if let error = step.refused[ref] { throw error }
    guard let commit = step.moved[ref] else {
      throw GitError(.conflict, "\(branch) of \(remote.url) has moved on", hint: "fetch and decide again")
    }
    return commit
  }
}
