import ClusterAPI
import Diagnostics
import FoundationEssentials
import GitStore
import KubeDirector
import Plan
import Reports
import Views

/// A cluster that a command waits for.
final class WaitSubject {
  private let source: ClusterSource
  private let cluster: ObjectName
  private let reference: ObjectReference
  private let condition: WaitCondition
  /// The files that the daemon reads; nil if no repository is known.
  private let files: ClusterFiles?
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
    lease: ObjectName? = nil, files: ClusterFiles? = nil
  ) {
    (self.source, self.cluster, self.commit, self.lease) = (source, cluster, commit, lease)
    self.files = files
    absence = DaemonAbsence(source)
    reference = ObjectReference(kind: Wire.clusterKind, namespace: cluster.namespace, name: cluster.name)
    condition = WaitCondition(reference, goal)
  }

  func evaluate() async throws -> WaitCondition.Result {
    do {
      let result = try await observed()
      guard let lease, case .pending = result else { return result }
      let daemon = try await source.daemon(lease)
      return absence.isConfirmed(daemon, now: .now)
        ? result.withoutDaemon(DaemonAbsence.remedy(source.isRemote ? lease : nil)) : result
    } catch let error as APIError where error.isTransient {
      return .pending("\(cluster): \(error)")
    }
  }

  private func observed() async throws -> WaitCondition.Result {
    if let undone = await commit?.undone(for: reference) { return .failed(undone) }
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
    if object == nil, let lease, let words = await absence(at: await source.lastAttempted(lease)) {
      return .failed(words)
    }
    let present = object?.json["status"]?["specCommit"]?.string
    let result = condition.evaluate(
      object, blocked: blocked, containsCommit: await commit?.isPart(of: present) ?? false,
      isAttempted: isAttempted && isBlockedKnown, history: history)
    guard let lease, !isBlockedKnown, case .pending = result else { return result }
    return result.adding("blocked changes are unknown: you may not get ConfigMaps in \(lease.namespace)")
  }

  /// Why the cluster that does not exist is not created either: no commit that could create it has its file. Nil if
  /// one has it, or if the repository cannot tell.
  private func absence(at applied: String?) async -> String? {
    guard let files else { return nil }
    if let commit {
      guard await files.has(reference, at: commit.id) == false else { return nil }
      return files.missing(reference, at: commit.id)
    }
    guard let applied, await files.has(reference, at: applied) == false else { return nil }
    // A commit of this clone may be pushed and not fetched yet.
    if let head = await files.head(), await files.has(reference, at: head) != false { return nil }
    return files.missing(reference, at: applied)
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

  /// Whether the repository has the commit; otherwise only its id is known.
  var isKnown: Bool { repository != nil }

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
}

/// All clusters after a request to fetch.
final class SyncSubject {
  private let source: ClusterSource
  private let lease: ObjectName
  private let before: Int?
  private var fetchedSince: ContinuousClock.Instant?

  /// How long the fetch must have ended before its changes count as applied: it is recorded before they are applied.
  private static let settling = Duration.seconds(5)

  /// - Parameters:
  ///   - lease: The daemon's Lease.
  ///   - before: The daemon's last fetch before the request, by its own clock. It is only compared for equality,
  ///     because this machine's clock may differ.
  init(source: ClusterSource, lease: ObjectName, after before: Int?) {
    (self.source, self.lease, self.before) = (source, lease, before)
  }

  func evaluate() async throws -> WaitCondition.Result {
    do {
      let daemon = try await source.daemon(lease)
      if daemon.isDead {
        return .failed("no daemon runs: \(DaemonAbsence.remedy(source.isRemote ? lease : nil))")
      }
      if case .unknown(let reason) = daemon.life, daemon.fetched == nil {
        return .failed("whether the daemon has fetched is unknown: \(reason)")
      }
      guard let fetched = daemon.fetched, fetched != before else {
        return .pending(daemon.problem ?? "the daemon has not fetched yet")
      }
      let now = ContinuousClock.now
      let since = fetchedSince ?? now
      fetchedSince = since
      guard now - since >= Self.settling else { return .pending("the daemon applies what it fetched") }
      return try await reached()
    } catch let error as APIError where error.isTransient {
      return .pending("\(error)")
    }
  }

  private func reached() async throws -> WaitCondition.Result {
    let clusters = try await source.clusters(.all)
    do throws(APIError) {
      return SyncCondition.evaluate(clusters, blocked: try await source.blocked(in: lease.namespace))
    } catch {
      guard error.kind == .forbidden else { throw error }
      return SyncCondition.evaluate(clusters, blocked: BlockedChangeList()).adding(
        "blocked changes are unknown: you may not get ConfigMaps in \(lease.namespace)")
    }
  }
}

extension WaitCondition.Result {
  /// The result with one more clause.
  func adding(_ clause: String) -> WaitCondition.Result {
    switch self {
    case .reached(let words): .reached("\(words); \(clause)")
    case .failed(let words): .failed("\(words); \(clause)")
    case .pending(let words): .pending("\(words); \(clause)")
    }
  }
}
