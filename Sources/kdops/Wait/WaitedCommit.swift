import Diagnostics
import GitStore
import Plan
import Reports

/// A commit that a user waits for.
struct WaitedCommit {
  /// All digits, or the first ones if there is no repository to ask.
  let id: String
  /// Whether the repository has the commit; otherwise only its id is known.
  let isKnown: Bool
  private let repository: GitRepository?

  /// - Parameters:
  ///   - revision: a revision of the repository; without a repository the id of a commit or at least its first 7 digits.
  ///   - path: the repository.
  init(_ revision: String, path: String, _ environment: [String: String]) async throws {
    var clone: GitRepository?
    var found: String?
    do throws(GitError) {
      let opened = try await GitRepository.openFromEnvironment(path: path, environment)
      clone = opened
      found = try await opened.resolve(revision).hex
    } catch {
      // The commit may be in another clone.
      guard (7...64).contains(revision.utf8.count), revision.allSatisfy(\.isHexDigit) else { throw error }
    }
    (id, isKnown, repository) = (found ?? revision.lowercased(), found != nil, clone)
  }

  /// Why the commit is never done on a cluster, from the daemon's note on it: a later commit has replaced its change.
  /// Nil if no note says so.
  func undone(for cluster: ObjectReference) async -> String? {
    guard let repository, let commit = ObjectID(hex: id),
      let report = try? await Plan.report(on: commit, in: repository),
      let object = report.objects.first(where: { $0.reference == cluster }), object.failure == .superseded
    else { return nil }
    let reason = object.message ?? "a later commit has replaced its change"
    return
      "\(cluster): commit \(id.prefix(7)) is undone: \(reason); wait for the later commit with --for done=COMMIT, "
      + "or for the present one with --for configured"
  }

  /// Whether the commit is another one or one of its ancestors.
  func isPart(of other: String?) async -> Bool {
    guard let other, !other.isEmpty else { return false }
    if other.hasPrefix(id) { return true }
    guard let repository, let mine = ObjectID(hex: id), let other = ObjectID(hex: other) else { return false }
    return (try? await repository.isAncestor(mine, of: other)) ?? false
  }
}

extension WaitedCommit {
  /// Whether another commit is this one or one of its ancestors; nil if that is unknown, as without a repository.
  func contains(_ other: String) async -> Bool? {
    if !other.isEmpty, other.hasPrefix(id) { return true }
    guard let repository, let mine = ObjectID(hex: id), let other = ObjectID(hex: other) else { return nil }
    guard (try? await repository.commitInfo(other)) != nil else { return nil }
    do { return try await repository.mergeBase(mine, other) == other } catch { return nil }
  }

  /// Whether a head cannot contain the commit, because the clone has the head's whole history and lacks the commit; nil if
  /// that is unknown.
  func isOutside(_ head: String) async -> Bool? {
    guard !head.hasPrefix(id), let repository, let head = ObjectID(hex: head),
      (try? await repository.has(head)) == true, (try? await repository.isShallow()) == false
    else { return nil }
    guard let mine = ObjectID(hex: id) else { return (try? await repository.resolve(id)) == nil }
    guard let isPresent = try? await repository.has(mine) else { return nil }
    return !isPresent
  }
}
