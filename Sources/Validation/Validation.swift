import Diagnostics
import FoundationEssentials
import GitStore
import KubeDirector
import Rules
import StatusWriter
import Values

/// One run of `kdops validate`: gathers what is to be compared, has it judged, and tells of it.
public struct Validation {
  public enum Target {
    /// The files of a folder as they are.
    case workTree
    /// What `git commit` would take, against `HEAD`.
    case staged
    /// What `git commit` would take, against a commit: of a merge, against the side that is there already.
    case stagedOver(ObjectID)
    /// One commit against another, or against where they parted.
    case commits(base: String, head: String)
    /// What a branch gets that moves from one commit to another, whatever their histories share; without a first
    /// one, all that the other holds.
    case update(from: ObjectID?, to: ObjectID)
  }

  /// Everything that was found, and what became of every object that was asked for.
  public let report: Report
  /// How many apps and clusters the judged side has.
  public let apps: Int
  public let clusters: Int
  /// How many files that the layout selects are among those that were asked for; nil where two sides were compared, of
  /// which a change may well have none.
  public let selectedFiles: Int?
  /// The age of the status that was used, in whole seconds.
  public let statusAge: Int?
  /// The cluster that the status speaks of; nil where there is none, or it does not say.
  public let statusOwner: StatusOwner?
  /// What is wrong with statuses that are there and were not used.
  public let statusProblems: [GitError]
  /// What the judge said of every object that changed; nil where `.kdops.yaml` says nowhere to look.
  public let judgement: Judgement?
  /// What is known of running clusters.
  public let live: LiveView
  /// The app that a cluster had before the one that it has at the base, from its file's history. Blocks while it reads.
  public let history: @Sendable (ObjectReference) -> String?
  private let head: Side
  private let base: Side?

  /// The objects of the judged side, and of the one that it is compared with; nil where there is none, or it cannot be
  /// used.
  public var snapshots: (base: Snapshot?, head: Snapshot) {
    (base.flatMap { $0.isUsable ? $0.snapshot : nil }, head.snapshot)
  }

  /// - Parameters:
  ///   - path: a folder or a file; findings elsewhere are left out.
  ///   - statusRef: where the status tree stands; nil means the usual places.
  ///   - remembers: whether what is known of a tree is kept in the git folder, and used. Nothing but the time depends
  ///     on it.
  /// - Throws: `GitError` where it could not be run.
  public static func run(
    _ target: Target, path: String, statusRef: String? = nil, remembers: Bool = true,
    environment: [String: String], now: Int64
  ) async throws -> Validation {
    let (folder, file) = try split(path)
    if case .workTree = target {
      let (side, below) = try await Side.read(folder: folder)
      let asked = AskedPaths(below: below, file: side.isUsable ? file : nil)
      let comparison = Comparison(head: side)
      let outcome = Outcome(judgement: conclude(comparison, .none, history: nil))
      return Validation(outcome, of: comparison, name: Self.workTree, nil, [], asked)
    }
    let repository = try await GitRepository.openFromEnvironment(path: folder, environment)
    let asked = AskedPaths(below: try await repository.prefix(of: folder), file: file)
    var (status, problems) = try await GitStatus.find(in: repository, ref: statusRef, now: now)
    let store = remembers ? try await FactStore(repository) : nil
    let (base, head) = try await sides(of: target, in: repository)
    var comparison = try await Comparison.read(base: base, head: head, in: repository, store)
    var outcome: Outcome
    do {
      outcome = try await judge(comparison, status, in: repository, store)
    } catch let problem as StatusFiles.Unreadable {
      // Judged as if there were none: whoever may write that ref must not be able to refuse changes.
      (status, problems) = (nil, problems + [problem.error])
      outcome = try await judge(comparison, nil, in: repository, store)
    }
    if let facts = comparison.facts, facts.hasFailed {
      // What was kept is damaged, or was asked what it cannot tell: nothing of it is believed.
      store?.forget(.tree(facts.layout))
      comparison = try await Comparison.read(base: base, head: head, in: repository, nil)
      outcome = try await judge(comparison, status, in: repository, store)
    }
    let name = if case .commit(let commit) = head { commit.hex } else { "staged" }
    return Validation(outcome, of: comparison, name: name, status, problems, asked)
  }

  /// What a report calls the files of a folder.
  private static let workTree = "worktree"

  private static func sides(
    of target: Target, in repository: GitRepository
  ) async throws -> (base: ObjectID?, head: Comparison.Head) {
    switch target {
    case .workTree, .staged: return (try await repository.head(), .index)
    case .stagedOver(let commit): return (commit, .index)
    case .update(let old, let new): return (old, .commit(new))
    case .commits(let base, let head):
      let head = try await repository.resolve(head)
      let asked = try await repository.resolve(base)
      // What the base branch got since they parted is no part of this change.
      return (try await repository.mergeBase(asked, head) ?? asked, .commit(head))
    }
  }

  // MARK: Judging

  /// What the judge said, and what it was told beside the files.
  private struct Outcome: Sendable {
    var judgement: Judgement?
    var live = LiveView.none
    var history: @Sendable (ObjectReference) -> String? = { _ in nil }
  }

  /// The judge may ask for files that nobody has read, so this runs where it may block.
  private static func judge(
    _ comparison: Comparison, _ status: GitStatus?, in repository: GitRepository, _ store: FactStore?
  ) async throws -> Outcome {
    let files = status?.files(store)
    let past = Past(comparison, reader: repository.reader)
    return try await repository.run {
      var outcome = Outcome(live: files?.view ?? .none, history: { past.app(before: $0) })
      outcome.judgement = conclude(comparison, outcome.live, history: outcome.history)
      try files?.check()
      try past.check()
      return outcome
    }
  }

  /// Without knowing where files are there is nothing to judge.
  private static func conclude(
    _ comparison: Comparison, _ live: LiveView, history: (@Sendable (ObjectReference) -> String?)?
  ) -> Judgement? {
    guard comparison.head.isUsable else { return nil }
    let base = comparison.base?.side
    return Judge.judge(
      JudgeRequest(
        base: base.flatMap { $0.isUsable ? $0.snapshot : nil }, head: comparison.head.snapshot,
        changed: comparison.changes, live: live, history: history))
  }

  private init(
    _ outcome: Outcome, of comparison: Comparison, name: String, _ status: GitStatus?, _ problems: [GitError],
    _ asked: AskedPaths
  ) {
    statusProblems = problems
    (head, base) = (comparison.head, comparison.base?.side)
    (judgement, live, history) = (outcome.judgement, outcome.live, outcome.history)
    let snapshots = [comparison.head.snapshot, comparison.base?.side.snapshot].compactMap(\.self)
    let verdicts = (judgement?.objects ?? []).filter { verdict in
      asked.contains(snapshots.lazy.compactMap { $0.path(of: verdict.reference) }.first)
    }
    report = Report(
      base: comparison.base?.commit.hex, head: name,
      status: status?.source ?? .none,
      // With an error among those of the whole nothing was judged, whatever was asked for.
      findings: head.isUsable
        ? (head.layoutFindings + (judgement?.findings ?? [])).filter { asked.contains($0.location?.file) }
        : head.layoutFindings,
      objects: verdicts.map {
        Report.ObjectVerdict(object: $0.reference, change: $0.change.rawValue, verdict: $0.verdict.rawValue)
      }, notJudged: judgement?.notJudged ?? [])
    (apps, clusters) = head.snapshot.counts
    selectedFiles = name == Self.workTree ? head.snapshot.paths.count { asked.contains($0) } : nil
    statusAge = status?.age
    statusOwner = status?.owner
  }

  /// A line of a file as it was judged.
  public func line(_ number: Int, of path: String) -> String? {
    (head.source(path) ?? base?.source(path))?.line(number)
  }

  /// A path as the folder to look in, and the file in it where only one is meant.
  private static func split(_ path: String) throws -> (folder: String, file: String?) {
    var isFolder = false
    let manager = FileManager.default
    guard manager.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw GitError(.gone, "\(path) does not exist", hint: "give the path of a folder or a file")
    }
    if isFolder { return (path, nil) }
    let parts = path.parts(separatedBy: "/")
    let folder = parts.dropLast().joined(separator: "/")
    return (
      folder.isEmpty ? (path.utf8.first == UInt8(ascii: "/") ? "/" : ".") : folder,
      parts.last.map(String.init)
    )
  }
}

/// Which files a user wants to hear of.
private struct AskedPaths {
  /// A folder from the repository's root, with a `/` at the end; empty for the root.
  let below: String
  /// The one file in it that is meant.
  let file: String?

  /// What stands in no file concerns everybody.
  func contains(_ path: String?) -> Bool {
    guard let path else { return true }
    return file.map { path.isExactly(below + $0) } ?? path.startsExactly(with: below)
  }
}

extension Snapshot {
  /// Where a sound object is written.
  fileprivate func path(of object: ObjectReference) -> String? {
    app(object)?.source?.path ?? cluster(object)?.source?.path
  }
}
