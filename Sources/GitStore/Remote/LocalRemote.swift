import CLibgit2

/// A remote repository in a folder on this machine.
///
/// A fetch copies objects. A push copies objects, runs the hooks, and moves the refs that no other writer
/// moved first. Checked-out files of the remote are never changed.
struct LocalRemote {
  private let handle: RepositoryHandle
  private let path: String
  private let operation: NetworkOperation

  init(_ operation: NetworkOperation, path: String) throws(GitError) {
    var location = RepositoryLocation(path: path)
    location.search = false
    self.operation = operation
    self.path = path
    handle = try RepositoryHandle(location)
  }

  func advertised() throws(GitError) -> [String: ObjectID] { try handle.refs(prefix: "refs/") }

  /// Copies commits into the mirror.
  func download(_ tips: [ObjectID], into mirror: RepositoryHandle) throws(GitError) {
    if handle.isShallow {
      throw GitError(
        .shallow, "\(path) is a shallow clone, its history cannot be fetched",
        hint: "run `git fetch --unshallow` there, or name the repository that it was cloned from")
    }
    var copy = ObjectCopy(from: handle, to: mirror, tick: tick)
    _ = try copy.copy(tips)
  }

  /// Copies commits of the mirror to the remote and moves the remote's refs.
  func upload(_ refs: [PushedRef], from mirror: RepositoryHandle) throws(GitError) -> PushAnswer {
    for ref in refs {
      if try handle.target(of: ref.ref) != ref.old {
        throw GitError(.conflict, "\(path) has moved on", hint: "fetch, merge and push again")
      }
      if !handle.isBare, try handle.headBranch() == ref.ref {
        throw GitError(
          .rejectedPush, "\(ref.ref) is checked out in \(path)",
          hint: "use a bare repository, or check out another branch there")
      }
    }
    var copy = ObjectCopy(from: mirror, to: handle, tick: tick)
    do throws(GitError) {
      _ = try copy.copy(refs.map(\.new))
    } catch {
      // In a push the source is the mirror, so the damage is local.
      throw error.kind == .corruptRemote ? GitError(.corrupt, error.message, hint: error.hint) : error
    }
    let hooks = Hooks(handle)
    let limit = operation.remote.limits.stall
    var answer = hooks.accept(refs, limit: limit)
    var moved: [PushedRef] = []
    for ref in refs where answer.rejected[ref.ref] == nil {
      do throws(GitError) {
        try move(ref)
        moved.append(ref)
      } catch {
        guard error.kind == .conflict else { throw error }
        answer.late.insert(ref.ref)
      }
    }
    hooks.notify(moved, limit: limit)
    return answer
  }

  private func move(_ ref: PushedRef) throws(GitError) {
    let reason = "push by kdops"
    do throws(GitError) {
      try handle.move(ref.ref, to: ref.new, from: ref.old, reason: reason)
    } catch {
      // The ref did not move, so the lock remains from a process that was killed while it wrote the ref,
      // perhaps an earlier daemon.
      guard error.kind == .conflict, try handle.target(of: ref.ref) == ref.old,
        StaleLocks.clear(ref.ref, in: handle)
      else { throw error }
      try handle.move(ref.ref, to: ref.new, from: ref.old, reason: reason)
    }
  }

  private func tick() throws(GitError) {
    operation.moved()
    if let stop = operation.error("exchange objects with \(path)") { throw stop }
  }
}
