import Diagnostics
import GitStore
import KubeDirector
import Manifests
import Reports
import Rules
import Validation

extension Plan {
  /// The plan of a validated change. Notes in the repository show the progress of the upgrades that it waits
  /// for or rolls back.
  public static func of(
    _ validation: Validation, in folder: String, _ environment: [String: String]
  ) async throws -> Plan {
    guard let judgement = validation.judgement else {
      // Without a usable layout the places of the files are unknown, so the plan has only the findings.
      return Plan(
        base: validation.report.base ?? "", head: validation.report.head, status: validation.report.status,
        statusAge: validation.statusAge, findings: validation.report.findings)
    }
    let snapshots = validation.snapshots
    let repository = try await GitRepository.openFromEnvironment(path: folder, environment)
    var input = Planner.Input(
      report: validation.report, judgement: judgement, base: snapshots.base, head: snapshots.head,
      live: validation.live, statusAge: validation.statusAge, history: validation.history)
    // The validation's lazily read data may block, so it is read here.
    let running = await repository.run { [input] in Planner.commitsUnderWay(input) }
    if !running.isEmpty {
      let refs = try await noteRefs(in: repository)
      var reading = NoteReading()
      for commit in running.sorted() {
        input.notes[commit] = try await note(
          on: commit, of: validation.statusOwner, refs, in: repository, &reading)
      }
    }
    return await repository.run { [input] in Planner.plan(input) }
  }

  /// The daemon's report on a commit, from the notes of a repository; nil if there is none.
  public static func report(on commit: ObjectID, in repository: GitRepository) async throws -> CommitReport? {
    var reading = NoteReading()
    return try await note(
      on: commit.hex, of: nil, try await noteRefs(in: repository), in: repository, &reading)
  }

  /// The limits of all notes that are read. Beyond them a note counts as missing.
  private struct NoteReading {
    let folders = SharedTreeBudget(TreeLimits(bytes: 64 << 20))
    var bytesLeft = 16 << 20
  }

  /// The refs that may have kdops notes, the newest first: the daemon's own, and those below a remote's name, where a
  /// fetch stores them so as not to overwrite the local ones. One that was fetched once and is not updated is old.
  private static func noteRefs(in repository: GitRepository) async throws -> [String] {
    var found: [(ref: String, written: Int64)] = []
    for (ref, commit) in try await repository.refs(prefix: "refs/notes/")
    where ref.split(separator: "/").last?.hasPrefix("kdops") == true {
      // A ref to something other than a commit is the last one, and has no notes.
      let written = (try? await repository.commitInfo(commit))?.committer.seconds ?? .min
      found.append((ref, written))
    }
    return found.sorted { ($1.written, $0.ref.utf8.count, $0.ref) < ($0.written, $1.ref.utf8.count, $1.ref) }
      .map(\.ref)
  }

  /// The daemon's report in the note on a commit; nil if there is none.
  ///
  /// - Parameter owner: The cluster that the status tree describes. Notes about other clusters are ignored.
  private static func note(
    on commit: String, of owner: StatusOwner?, _ refs: [String], in repository: GitRepository,
    _ reading: inout NoteReading
  ) async throws -> CommitReport? {
    guard let id = ObjectID(hex: commit) else { return nil }
    for ref in refs {
      // A ref without readable notes counts as missing, because notes only show the progress of an upgrade.
      let limit = min(1 << 20, reading.bytesLeft)
      guard
        let bytes = try? await repository.note(on: id, ref: ref, limit: limit, budget: reading.folders)
      else { continue }
      reading.bytesLeft -= bytes.count
      guard let body = NoteText.body(of: String(decoding: bytes, as: UTF8.self)) else { continue }
      guard let json = SettingsFile(path: "note.yaml", bytes: Array(body.utf8)).json else { continue }
      if let owner, let other = StatusOwner(json), !owner.isSameCluster(as: other) { continue }
      if let report = CommitReport(json) { return report }
    }
    return nil
  }
}
