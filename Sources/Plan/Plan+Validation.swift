import Diagnostics
import GitStore
import KubeDirector
import Manifests
import Rules
import StatusWriter
import Validation

extension Plan {
  /// The plan of what was validated. Notes at hand in the repository tell how far the upgrades have come that it
  /// has to wait for, or turns round.
  public static func of(
    _ validation: Validation, in folder: String, _ environment: [String: String]
  ) async throws -> Plan {
    let problems = validation.statusProblems.map { "\($0)" }
    guard let judgement = validation.judgement else {
      // Without knowing where files are nothing can be said but that.
      return Plan(
        base: validation.report.base ?? "", head: validation.report.head, status: validation.report.status,
        statusAge: validation.statusAge, statusProblems: problems, findings: validation.report.findings)
    }
    let snapshots = validation.snapshots
    let repository = try await GitRepository.openFromEnvironment(path: folder, environment)
    var input = Planner.Input(
      report: validation.report, judgement: judgement, base: snapshots.base, head: snapshots.head,
      live: validation.live, statusAge: validation.statusAge, history: validation.history)
    // What is asked of a validation may be read only now.
    let running = await repository.run { [input] in Planner.commitsUnderWay(input) }
    if !running.isEmpty {
      let refs = try await noteRefs(in: repository)
      for commit in running {
        input.notes[commit] = try await note(on: commit, of: validation.statusOwner, refs, in: repository)
      }
    }
    var plan = await repository.run { [input] in Planner.plan(input) }
    plan.statusProblems = problems
    return plan
  }

  /// Where notes of ours may be: as a daemon writes them, and below a remote's name, where a fetch puts them that
  /// spares one's own.
  private static func noteRefs(in repository: GitRepository) async throws -> [String] {
    try await repository.refs(prefix: "refs/notes/").keys.filter { ref in
      ref.split(separator: "/").last?.hasPrefix("kdops") == true
    }.sorted { ($0.utf8.count, $0) < ($1.utf8.count, $1) }
  }

  /// What the daemon has written about a commit; nil where nothing of ours is at hand.
  ///
  /// - Parameter owner: the cluster that the status tree speaks of; what another one says is left out.
  private static func note(
    on commit: String, of owner: StatusOwner?, _ refs: [String], in repository: GitRepository
  ) async throws -> CommitReport? {
    guard let id = ObjectID(hex: commit) else { return nil }
    for ref in refs {
      // A ref of notes that names no notes is as one that is not there: it only tells how far an upgrade has come.
      guard let bytes = try? await repository.note(on: id, ref: ref),
        let body = NoteText.body(of: String(decoding: bytes, as: UTF8.self))
      else { continue }
      guard let json = SettingsFile(path: "note.yaml", bytes: Array(body.utf8)).json else { continue }
      if let owner, let other = StatusOwner(json), !owner.isSameCluster(as: other) { continue }
      if let report = CommitReport(json) { return report }
    }
    return nil
  }
}
