import Diagnostics
import GitStore
import KubeDirector
import Rules

/// Of what one commit changed, applies all or nothing (`atomic: commit`).
///
/// Rollbacks are exempt: nothing may stand in the way of an emergency. An app that waits until nobody runs it holds back
/// nothing. The time goes with the number of objects, however long the chain is in which one waits for the next.
struct AtomicCommitGuard {
  /// What stands against a commit.
  private struct Fate {
    var verdict: Verdict
    /// The object or file because of which.
    var cause: String
  }

  /// Something that is held back, so that what depends on it has to be looked at again.
  private enum Held {
    case commit(ObjectID)
    case app(ObjectReference)
  }

  private var fates: [ObjectID: Fate] = [:]
  /// New apps that will not be there.
  private var missing: Set<ObjectReference> = []
  private var held: [Held] = []
  /// By object, the apps that it may mean by the name that it gives, those first that count first.
  private let apps: [[ObjectReference]]

  /// - Parameters:
  ///   - brokenFiles: files that could not be read, and the commits that broke them.
  ///   - apps: the apps that a cluster may mean by the name that it gives.
  init(
    _ outcome: [Reconciler.Judged], brokenFiles: some Sequence<(path: String, commit: ObjectID)>,
    apps: (ObjectReference) -> [ObjectReference]
  ) {
    self.apps = outcome.map { $0.reference.kind == Wire.clusterKind ? apps($0.reference) : [] }
    for (path, commit) in brokenFiles { fates[commit] = Fate(verdict: .rejected, cause: path) }
    for one in outcome {
      let isApp = one.reference.kind == Wire.appKind
      if isApp, one.change == .create, one.verdict != .accepted { missing.insert(one.reference) }
      guard one.verdict == .rejected || (one.verdict == .waiting && !isApp),
        fates[one.commit]?.verdict != .rejected
      else { continue }
      fates[one.commit] = Fate(verdict: one.verdict, cause: "\(one.reference)")
    }
  }

  /// Gives what a commit changed the verdict of its worst.
  mutating func apply(to outcome: inout [Reconciler.Judged]) {
    var objects: [ObjectID: [Int]] = [:]
    var users: [ObjectReference: [Int]] = [:]
    for index in outcome.indices {
      objects[outcome[index].commit, default: []].append(index)
      for app in apps[index] { users[app, default: []].append(index) }
    }
    for index in outcome.indices { judge(&outcome[index], at: index) }
    var next = 0
    while next < held.count {
      let affected =
        switch held[next] {
        case .commit(let commit): objects[commit] ?? []
        case .app(let app): users[app] ?? []
        }
      for index in affected { judge(&outcome[index], at: index) }
      next += 1
    }
  }

  private mutating func judge(_ one: inout Reconciler.Judged, at index: Int) {
    guard one.verdict == .accepted, one.change != .rollback else { return }
    if let fate = fates[one.commit] {
      one.share(fate.verdict, "the same commit changes \(fate.cause)")
    } else if let app = apps[index].first(where: missing.contains) {
      fates[one.commit] = Fate(verdict: .waiting, cause: "\(one.reference)")
      held.append(.commit(one.commit))
      one.share(.waiting, "its app \(app) is held back")
    }
    guard one.verdict != .accepted, one.reference.kind == Wire.appKind, one.change == .create else { return }
    missing.insert(one.reference)
    held.append(.app(one.reference))
  }
}

extension Reconciler.Judged {
  fileprivate mutating func share(_ verdict: Verdict, _ reason: String) {
    self.verdict = verdict
    findings.append(
      Diagnostic(
        rule: CommitAtomic.id, severity: verdict == .rejected ? .error : .waiting, object: reference,
        message: "\(reference) is held back: \(reason), which is \(verdict.rawValue)",
        hint: verdict == .rejected
          ? "mend that, and this is applied with it" : "nothing to do: they are applied together"))
  }
}
