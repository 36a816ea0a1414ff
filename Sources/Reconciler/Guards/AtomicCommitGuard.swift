import Diagnostics
import GitStore
import KubeDirector
import Rules

/// Applies all objects that one commit changed, or none of them (`atomic: commit`).
///
/// Rollbacks are exempt, so that nothing blocks an emergency. An app that waits until no cluster runs it does not block
/// its commit. The run time is proportional to the number of objects, however long the chain of dependencies is.
struct AtomicCommitGuard {
  /// The reason why a commit is blocked.
  private struct CommitObstacle {
    var verdict: Verdict
    /// The object or file that blocks it.
    var cause: String
  }

  /// A blocked commit or app; the objects that depend on it must be judged again.
  private enum BlockedObject {
    case commit(ObjectID)
    case app(ObjectReference)
  }

  private var obstacles: [ObjectID: CommitObstacle] = [:]
  /// New apps that will not be created.
  private var missing: Set<ObjectReference> = []
  private var blocked: [BlockedObject] = []
  /// For each object, the apps that its app name can refer to, in order of precedence.
  private let apps: [[ObjectReference]]

  /// - Parameters:
  ///   - brokenFiles: files that could not be read, and the commits that broke them.
  ///   - apps: the apps that a cluster's app name can refer to.
  init(
    _ outcome: [JudgedChange], brokenFiles: [(path: String, commit: ObjectID)],
    apps: (ObjectReference) -> [ObjectReference]
  ) {
    self.apps = outcome.map { $0.isCluster ? apps($0.reference) : [] }
    for (path, commit) in brokenFiles { obstacles[commit] = CommitObstacle(verdict: .rejected, cause: path) }
    for one in outcome {
      if one.isApp, one.change == .create, one.verdict != .accepted { missing.insert(one.reference) }
      guard one.verdict == .rejected || (one.verdict == .waiting && !one.isApp),
        obstacles[one.commit]?.verdict != .rejected
      else { continue }
      obstacles[one.commit] = CommitObstacle(verdict: one.verdict, cause: "\(one.reference)")
    }
  }

  /// Gives all changes of a commit the worst verdict among them.
  mutating func apply(to outcome: inout [JudgedChange]) {
    var objects: [ObjectID: [Int]] = [:]
    var users: [ObjectReference: [Int]] = [:]
    for index in outcome.indices {
      objects[outcome[index].commit, default: []].append(index)
      for app in apps[index] { users[app, default: []].append(index) }
    }
    for index in outcome.indices { judge(&outcome[index], at: index) }
    var next = 0
    while next < blocked.count {
      let affected =
        switch blocked[next] {
        case .commit(let commit): objects[commit] ?? []
        case .app(let app): users[app] ?? []
        }
      for index in affected { judge(&outcome[index], at: index) }
      next += 1
    }
  }

  private mutating func judge(_ one: inout JudgedChange, at index: Int) {
    guard one.verdict == .accepted, one.change != .rollback else { return }
    if let obstacle = obstacles[one.commit] {
      one.share(obstacle.verdict, "the same commit changes \(obstacle.cause)")
    } else if let app = apps[index].first(where: missing.contains) {
      obstacles[one.commit] = CommitObstacle(verdict: .waiting, cause: "\(one.reference)")
      blocked.append(.commit(one.commit))
      one.share(.waiting, "its app \(app) is held back")
    }
    guard one.verdict != .accepted, one.isApp, one.change == .create else { return }
    missing.insert(one.reference)
    blocked.append(.app(one.reference))
  }
}

extension JudgedChange {
  fileprivate mutating func share(_ verdict: Verdict, _ reason: String) {
    self.verdict = verdict
    findings.append(
      Diagnostic(
        rule: CommitAtomic.id, severity: verdict == .rejected ? .error : .waiting, object: reference,
        message: "\(reference) is held back: \(reason), which is \(verdict.rawValue)",
        hint: verdict == .rejected
          ? "fix that, and this is applied with it" : "nothing to do: they are applied together"))
  }
}
