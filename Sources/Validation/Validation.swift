import DesiredState
import Diagnostics
import FoundationEssentials
import GitStore
import KubeDirector
import Reports
import Rules
import Values

/// One run of `kdops validate`: reads the revisions, judges them, and creates the report.
public struct Validation {
  public enum Target {
    /// The files of a folder on disk.
    case workTree
    /// The index, which `git commit` would commit, against `HEAD`.
    case staged
    /// The index against a commit. For a merge, the commit is the merged one if the followed branch already contains
    /// it.
    case stagedOver(ObjectID)
    /// The changes from the merge base of two commits to `head`; from `base` itself if there is no merge
    /// base.
    case commits(base: String, head: String)
    /// The update of a branch from one commit to another, regardless of their common history. Without a first
    /// commit, everything in the second one is new.
    case update(from: ObjectID?, to: ObjectID)
  }

  /// All findings, and the verdict on every requested object.
  public let report: Report
  /// The number of apps and clusters in the judged revision.
  public let apps: Int
  public let clusters: Int
  /// The number of requested files that the layout selects. Nil if two revisions were compared, because a change need
  /// not contain such a file.
  public let selectedFiles: Int?
  /// The age of the status that was used, in whole seconds.
  public let statusAge: Int?
  /// The cluster that the status describes; nil if there is no status or it does not name one.
  public let statusOwner: StatusOwner?
  /// The errors of statuses that exist and were not used.
  public let statusProblems: [GitError]
  /// Whether `git fetch` in this repository fetches statuses, because hooks were installed or its configuration says so.
  public let fetchesStatus: Bool
  /// The judge's result for every changed object. Nil if the layout in `.kdops.yaml` is unusable.
  public let judgement: Judgement?
  /// The live state of running clusters.
  public let live: LiveView
  /// Returns the app that a cluster had before the one at the base, from its file's history. Blocks while it
  /// reads.
  public let history: @Sendable (ObjectReference) -> String?
  private let head: Revision
  private let base: Revision?

  /// The objects of the judged revision and of its base. The base is nil if there is none or it cannot be used.
  public var snapshots: (base: Snapshot?, head: Snapshot) {
    (base.flatMap { $0.isUsable ? $0.snapshot : nil }, head.snapshot)
  }

  /// - Parameters:
  ///   - path: A folder or a file. Findings in other files are left out.
  ///   - statusRef: The ref of the status tree; nil means the usual refs.
  ///   - remembers: Whether facts about a tree are stored in the git folder and used. It affects only the
  ///     speed.
  /// - Throws: `GitError` if the validation could not be run.
  public static func run(
    _ target: Target, path: String, statusRef: String? = nil, remembers: Bool = true,
    environment: [String: String], now: Int64
  ) async throws -> Validation {
    let (folder, file) = try split(path)
    if case .workTree = target {
      let (side, below) = try await Revision.read(folder: folder)
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
      // Judge as if there were no status. A user who may write that ref must not be able to block changes.
      (status, problems) = (nil, problems + [problem.error])
      outcome = try await judge(comparison, nil, in: repository, store)
    }
    if comparison.hasUnusableFacts {
      comparison.forgetFacts(in: store)
      comparison = try await Comparison.read(base: base, head: head, in: repository, nil)
      outcome = try await judge(comparison, status, in: repository, store)
    }
    if case .commit(let commit) = head, comparison.head.isUsable {
      outcome.images = try await ImageFiles.findings(
        comparison.head.layout.images, at: commit, in: repository)
    }
    let name = if case .commit(let commit) = head { commit.hex } else { "staged" }
    return Validation(
      outcome, of: comparison, name: name, status, problems, asked,
      fetchesStatus: await Self.fetchesStatus(repository))
  }

  /// Whether git's configuration has a refspec of statuses. A configuration that cannot be read has none.
  private static func fetchesStatus(_ repository: GitRepository) async -> Bool {
    let remote = (try? await repository.setting(RepositorySetting.remote)) ?? "origin"
    let refspecs = (try? await repository.settings(RepositorySetting.refspecs(of: remote))) ?? []
    return refspecs.contains { $0.drop { $0 == "+" }.hasPrefix(RepositorySetting.statusRefs) }
  }

  /// The name of the revision in a report on the files of a folder.
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
      // Commits that the base branch got after the merge base are not part of this change.
      return (try await repository.mergeBase(asked, head) ?? asked, .commit(head))
    }
  }

  // MARK: Judgement

  /// The judge's result, and its inputs other than the files.
  private struct Outcome: Sendable {
    var judgement: Judgement?
    /// The findings about the folders of images. Nothing else depends on them.
    var images: [Diagnostic] = []
    /// The findings about history that was not read.
    var historyLimits: [Diagnostic] = []
    var live = LiveView.none
    var history: @Sendable (ObjectReference) -> String? = { _ in nil }
  }

  /// The judge may read further files, so this runs where blocking is allowed.
  private static func judge(
    _ comparison: Comparison, _ status: GitStatus?, in repository: GitRepository, _ store: FactStore?
  ) async throws -> Outcome {
    let files = status?.files(store)
    let appHistory = AppHistory(comparison, reader: repository.reader)
    return try await repository.run {
      var outcome = Outcome(live: files?.view ?? .none, history: { appHistory.app(before: $0) })
      outcome.judgement = conclude(comparison, outcome.live, history: outcome.history)
      try files?.check()
      try appHistory.check()
      outcome.historyLimits = outcome.judgement.map { appHistory.findings(after: $0) } ?? []
      return outcome
    }
  }

  /// Judges the head. Returns nil if the layout is unusable, because the places of the files are then unknown.
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
    _ asked: AskedPaths, fetchesStatus: Bool = false
  ) {
    (statusProblems, self.fetchesStatus) = (problems, fetchesStatus)
    (head, base) = (comparison.head, comparison.base?.side)
    (judgement, live, history) = (outcome.judgement, outcome.live, outcome.history)
    let snapshots = [comparison.head.snapshot, comparison.base?.side.snapshot].compactMap(\.self)
    let verdicts = (judgement?.objects ?? []).filter { verdict in
      asked.contains(snapshots.lazy.compactMap { $0.path(of: verdict.reference) }.first)
    }
    var source = status?.source ?? .none
    source.problems = problems.map { "\($0)" }
    report = Report(
      base: comparison.base?.commit.hex, head: name, status: source,
      // After an error of the whole side nothing was judged, so its findings are reported for every path.
      findings: head.isUsable
        ? (head.layoutFindings + (judgement?.findings ?? []) + outcome.historyLimits + outcome.images).filter
        {
          asked.contains($0.location?.file)
        }
        : head.layoutFindings,
      objects: verdicts.map {
        Report.ObjectVerdict(object: $0.reference, change: $0.change, verdict: $0.verdict)
      }, notJudged: judgement?.notJudged ?? [])
    (apps, clusters) = head.snapshot.counts
    selectedFiles = name == Self.workTree ? head.snapshot.paths.count { asked.contains($0) } : nil
    statusAge = status?.age
    statusOwner = status?.owner
  }

  /// Returns a line of a file as it was judged.
  public func line(_ number: Int, of path: String) -> String? {
    (head.source(path) ?? base?.source(path))?.line(number)
  }

  /// Splits a path into the folder to open and, if the path is a file, the file's name in it.
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

/// The files whose findings the user requested.
private struct AskedPaths {
  /// A folder relative to the repository's root, with a `/` at the end; empty for the root.
  let below: String
  /// The requested file in the folder; nil for all of them.
  let file: String?

  /// Findings without a file are always included.
  func contains(_ path: String?) -> Bool {
    guard let path else { return true }
    return file.map { path.isExactly(below + $0) } ?? path.startsExactly(with: below)
  }
}

extension Snapshot {
  /// The path of the file of a valid object.
  fileprivate func path(of object: ObjectReference) -> String? {
    app(object)?.source?.path ?? cluster(object)?.source?.path
  }
}
