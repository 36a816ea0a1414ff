import Diagnostics
import FoundationEssentials
import GitStore
import KubeDirector
import Manifests
import Reconciler
import Rules

/// One run of `kdops validate`: gathers what is to be compared, has it judged, and tells of it.
struct Validation {
  enum Target {
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

  let report: Report
  /// How many apps and clusters the judged side has.
  let apps: Int
  let clusters: Int
  /// The age of the status that was used, in whole seconds.
  let statusAge: Int?
  /// What the judge said of every object that changed; nil where `.kdops.yaml` says nowhere to look.
  let judgement: Judgement?
  /// What is known of running clusters.
  let live: LiveView
  private let head: Side
  private let base: Side?

  /// The objects of the judged side.
  var after: Snapshot { head.snapshot }
  /// The objects of the side that it is compared with; nil where there is none, or it cannot be used.
  var before: Snapshot? { base.flatMap { $0.isUsable ? $0.snapshot : nil } }

  /// - Parameters:
  ///   - path: a folder or a file; findings elsewhere are left out.
  ///   - statusRef: where the status tree stands; nil means the usual places.
  /// - Throws: `GitError` where it could not be run.
  static func run(
    _ target: Target, path: String, statusRef: String? = nil, environment: [String: String], now: Int64
  ) async throws -> Validation {
    let (folder, file) = try split(path)
    if case .workTree = target {
      let (side, tree) = try await Side.read(folder: folder)
      return judge(head: side, name: "worktree", below: tree.asked, file: file)
    }
    let repository = try await GitRepository.openFromEnvironment(path: folder, environment)
    let (below, selected) = (try await prefix(of: folder, in: repository), file)
    let live = try await GitStatus.read(from: repository, ref: statusRef, now: now)
    switch target {
    case .workTree, .staged, .stagedOver:
      var id = try await repository.head()
      if case .stagedOver(let commit) = target { id = commit }
      var base: Side?
      if let id { base = try await side(of: id, in: repository) }
      let layout = try await stagedLayout(in: repository)
      let entries = try await repository.stagedTree(try layout.layout.selection())
      let (head, changes) = try await Side.read(entries, layout: layout, in: repository, base: base)
      let history = try await history(of: changes, base: base, head: head, from: id, in: repository)
      return judge(
        base: base, baseID: id, head: head, name: "staged", changes: changes, live: live, history: history,
        below: below, file: selected)
    case .commits, .update:
      let (baseID, headID) = try await ends(of: target, in: repository)
      var base: Side?
      if let baseID { base = try await side(of: baseID, in: repository) }
      let layout = try await layout(of: headID, in: repository)
      let entries = try await repository.tree(at: headID, layout.layout.selection())
      let (head, changes) = try await Side.read(entries, layout: layout, in: repository, base: base)
      let history = try await history(of: changes, base: base, head: head, from: baseID, in: repository)
      return judge(
        base: base, baseID: baseID, head: head, name: headID.hex, changes: changes, live: live,
        history: history,
        below: below, file: selected)
    }
  }

  /// The commits that a comparison of two is of.
  private static func ends(
    of target: Target, in repository: GitRepository
  ) async throws(GitError) -> (base: ObjectID?, head: ObjectID) {
    switch target {
    case .commits(let base, let head):
      let head = try await repository.resolve(head)
      let asked = try await repository.resolve(base)
      // What the base branch got since they parted is no part of this change.
      return (try await repository.mergeBase(asked, head) ?? asked, head)
    case .update(let old, let new): return (old, new)
    case .workTree, .staged, .stagedOver:
      throw GitError(.invalid, "files that are no commit have no ends", hint: "name two commits")
    }
  }

  // MARK: Judging

  private static func judge(
    base: Side? = nil, baseID: ObjectID? = nil, head: Side, name: String, changes: Changes? = nil,
    live: GitStatus? = nil, history: [ObjectReference: String] = [:], below: String, file: String?
  ) -> Validation {
    var (base, head) = (base, head)
    base?.finish()
    head.finish()
    // Without knowing where files are there is nothing to judge.
    let view = live?.view ?? .none
    let judgement =
      head.isUsable
      ? Judge.judge(
        JudgeRequest(
          base: base.flatMap { $0.isUsable ? $0.snapshot : nil }, head: head.snapshot, changed: changes,
          live: view, history: { history[$0] })) : nil
    func isAsked(_ path: String?) -> Bool {
      guard let path else { return true }
      return file.map { below + $0 == path } ?? path.hasPrefix(below)
    }
    let findings = (head.layoutFindings + (judgement?.findings ?? [])).filter { isAsked($0.location?.file) }
    let verdicts = (judgement?.objects ?? []).filter { isAsked(path(of: $0.reference, head, base)) }
    let references = head.snapshot.references
    return Validation(
      report: Report(
        base: baseID?.hex, head: name,
        status: live.map { Report.Status(source: .tree, commit: $0.commit.hex) } ?? .none,
        findings: findings,
        objects: verdicts.map {
          Report.ObjectVerdict(object: $0.reference, change: $0.change.rawValue, verdict: $0.verdict.rawValue)
        }, notJudged: judgement?.notJudged ?? []),
      apps: references.count { $0.kind == Wire.appKind },
      clusters: references.count { $0.kind == Wire.clusterKind },
      statusAge: live?.age, judgement: judgement, live: view, head: head, base: base)
  }

  private static func path(of object: ObjectReference, _ head: Side, _ base: Side?) -> String? {
    func path(_ snapshot: Snapshot) -> String? {
      snapshot.app(object)?.source?.path ?? snapshot.cluster(object)?.source?.path
    }
    return path(head.snapshot) ?? base.flatMap { path($0.snapshot) }
  }

  /// A line of a file as it was judged.
  func line(_ number: Int, of path: String) -> String? {
    (head.text(path) ?? base?.text(path)).flatMap { SourceText($0).line(number) }
  }

  // MARK: Gathering

  static func side(of commit: ObjectID, in repository: GitRepository) async throws -> Side {
    let layout = try await layout(of: commit, in: repository)
    let entries = try await repository.tree(at: commit, layout.layout.selection())
    return try await Side.read(entries, layout: layout, in: repository).side
  }

  private static func layout(
    of commit: ObjectID, in repository: GitRepository
  ) async throws -> (layout: RepositoryLayout, findings: [Diagnostic]) {
    guard let entry = try await repository.entry(at: RepositoryLayout.path, in: commit) else {
      return (RepositoryLayout(), [])
    }
    return try await RepositoryLayout.read(entry, in: repository)
  }

  private static func stagedLayout(
    in repository: GitRepository
  ) async throws -> (layout: RepositoryLayout, findings: [Diagnostic]) {
    let found = try await repository.stagedTree(PathSelection(patterns: [RepositoryLayout.path]))
    guard let entry = found.first else { return (RepositoryLayout(), []) }
    return try await RepositoryLayout.read(entry, in: repository)
  }

  /// The app that each cluster named before the one it names at the base, where it changes its app now.
  private static func history(
    of changes: Changes?, base: Side?, head: Side, from commit: ObjectID?, in repository: GitRepository
  ) async throws -> [ObjectReference: String] {
    guard let base, let commit else { return [:] }
    var found: [ObjectReference: String] = [:]
    for reference in (changes?.objects.sorted() ?? head.snapshot.references) {
      guard let old = base.snapshot.cluster(reference), let new = head.snapshot.cluster(reference),
        old.spec.app != new.spec.app, let path = old.source?.path
      else { continue }
      for version in try await repository.fileHistory(path, from: commit) {
        guard let blob = version.blob else { continue }
        let file = ManifestFile.parse(
          path: path, bytes: try await repository.blob(blob), defaultNamespace: base.layout.defaultNamespace)
        let document = file.documents.first {
          $0.reference(defaultNamespace: base.layout.defaultNamespace) == reference
        }
        guard let app = document?.json["spec"]?["app"]?.string, app != old.spec.app else { continue }
        found[reference] = app
        break
      }
    }
    return found
  }

  /// A path as the folder to look in, and the file in it where only one is meant.
  private static func split(_ path: String) throws -> (folder: String, file: String?) {
    var isFolder = false
    let manager = FileManager.default
    guard manager.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw GitError(.gone, "\(path) does not exist", hint: "give the path of a folder or a file")
    }
    if isFolder { return (path, nil) }
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    let folder = parts.dropLast().joined(separator: "/")
    return (folder.isEmpty ? (path.hasPrefix("/") ? "/" : ".") : folder, parts.last.map(String.init))
  }

  /// The folder as seen from the repository's root, with a `/` at the end; empty for the root.
  private static func prefix(of folder: String, in repository: GitRepository) async throws -> String {
    guard let root = try await repository.workTree() else { return "" }
    let top = try await WorkTree.list(path: folder, PathSelection(patterns: [RepositoryLayout.path]))
    return top.root == root ? top.asked : ""
  }
}
