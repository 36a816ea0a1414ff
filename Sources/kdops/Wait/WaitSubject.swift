import ClusterAPI
import Diagnostics
import FoundationEssentials
import GitStore
import KubeDirector
import Reports
import Views

/// A cluster that a command waits for.
final class WaitSubject {
  private let source: ClusterSource
  private let cluster: ObjectName
  private let condition: WaitCondition
  /// Nil if no commit is waited for.
  private let commit: WaitedCommit?
  private let lease: ObjectName?
  private var attemptedSince: ContinuousClock.Instant?
  private var absence: DaemonAbsence

  /// How long the daemon's record of a commit must exist before the commit counts as applied: the record is written
  /// before the changes of the commit.
  private static let settling = Duration.seconds(5)

  /// - Parameter lease: The daemon's Lease; nil if blocked changes are not read.
  init(
    source: ClusterSource, cluster: ObjectName, goal: WaitCondition.Goal, commit: WaitedCommit? = nil,
    lease: ObjectName? = nil
  ) {
    (self.source, self.cluster, self.commit, self.lease) = (source, cluster, commit, lease)
    absence = DaemonAbsence(source)
    condition = WaitCondition(
      ObjectReference(kind: Wire.clusterKind, namespace: cluster.namespace, name: cluster.name), goal)
  }

  func evaluate() async throws -> WaitCondition.Result {
    do {
      let result = try await observed()
      guard let lease, case .pending = result else { return result }
      let daemon = try await source.daemon(lease)
      return absence.isConfirmed(daemon, now: .now) ? result.withoutDaemon : result
    } catch let error as APIError where error.isTransient {
      return .pending("\(cluster): \(error)")
    }
  }

  private func observed() async throws -> WaitCondition.Result {
    var blocked = BlockedChangeList()
    var isBlockedKnown = true
    if let lease {
      do throws(APIError) { blocked = try await source.blocked(in: lease.namespace) } catch {
        guard error.kind == .forbidden else { throw error }
        isBlockedKnown = false
      }
    }
    var history: [String: Bool] = [:]
    for change in blocked.changes where history[change.commit] == nil {
      history[change.commit] = await commit?.contains(change.commit)
    }
    let isAttempted = await isAttempted()
    let object = try await source.clusters(.cluster(cluster)).first
    let present = object?.json["status"]?["specCommit"]?.string
    return condition.evaluate(
      object, blocked: blocked, containsCommit: await commit?.isPart(of: present) ?? false,
      isAttempted: isAttempted && isBlockedKnown, history: history)
  }

  private func isAttempted() async -> Bool {
    guard let commit, let lease, await commit.isPart(of: await source.lastAttempted(lease)) else {
      attemptedSince = nil
      return false
    }
    let now = ContinuousClock.now
    let since = attemptedSince ?? now
    attemptedSince = since
    return now - since >= Self.settling
  }
}

/// A commit that a user waits for.
struct WaitedCommit {
  /// All digits, or the first ones if there is no repository to ask.
  let id: String
  private let repository: GitRepository?

  /// - Parameters:
  ///   - revision: a revision of the repository; without a repository the id of a commit or at least its first 7 digits.
  ///   - path: the repository.
  init(_ revision: String, path: String, _ environment: [String: String]) async throws {
    do throws(GitError) {
      let repository = try await GitRepository.openFromEnvironment(path: path, environment)
      id = try await repository.resolve(revision).hex
      self.repository = repository
    } catch {
      // The commit may be in another clone.
      guard (7...64).contains(revision.utf8.count), revision.allSatisfy(\.isHexDigit) else { throw error }
      (id, repository) = (revision.lowercased(), nil)
    }
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
}

/// All clusters after a request to fetch.
final class SyncSubject {
  private let source: ClusterSource
  private let lease: ObjectName
  private let requested: Int
  private var fetchedSince: ContinuousClock.Instant?

  /// How long the fetch must have ended before its changes count as applied: it is recorded before they are applied.
  private static let settling = Duration.seconds(5)

  /// - Parameters:
  ///   - lease: The daemon's Lease.
  ///   - requested: When the fetch was requested, in whole seconds since 1970.
  init(source: ClusterSource, lease: ObjectName, requested: Int) {
    (self.source, self.lease, self.requested) = (source, lease, requested)
  }

  func evaluate() async throws -> WaitCondition.Result {
    do {
      let daemon = try await source.daemon(lease)
      if daemon.isDead { return .failed("no daemon runs: start one with kdops run") }
      guard let fetched = daemon.fetched, fetched >= requested else {
        return .pending(daemon.problem ?? "the daemon has not fetched yet")
      }
      let now = ContinuousClock.now
      let since = fetchedSince ?? now
      fetchedSince = since
      guard now - since >= Self.settling else { return .pending("the daemon applies what it fetched") }
      let blocked = try await source.blocked(in: lease.namespace)
      return SyncCondition.evaluate(try await source.clusters(.all), blocked: blocked)
    } catch let error as APIError where error.isTransient {
      return .pending("\(error)")
    }
  }
}
