import Diagnostics
import GitStore
import Validation

/// Chooses what one hook judges and against which base. It reads only the repository, so no hook waits for
/// the network.
public struct HookRun {
  /// One comparison and its result.
  public struct Judged {
    /// The pushed branch; nil for a commit.
    var branch: String?
    /// The command that shows all findings.
    var command: String
    /// The result of the comparison.
    public var validation: Validation
    /// Whether the judged change is already committed, so that no hook can prevent the commit.
    var isCommitted = false
    /// Why the change passes although the comparison with `HEAD` failed; otherwise nil.
    var note: String?
  }

  let name: HookName
  /// The hook's arguments from git; for `pre-push`, the remote's name and address.
  let arguments: [String]
  let repository: GitRepository
  let environment: [String: String]
  /// In seconds since 1970.
  let now: Int64

  /// - Parameters:
  ///   - arguments: The hook's arguments from git.
  ///   - now: In seconds since 1970.
  public init(
    name: HookName, arguments: [String], repository: GitRepository, environment: [String: String], now: Int64
  ) {
    (self.name, self.arguments, self.repository) = (name, arguments, repository)
    (self.environment, self.now) = (environment, now)
  }

  /// Judges a commit, or each pushed branch.
  ///
  /// - Parameter input: What git wrote to the hook's standard input.
  /// - Throws: `GitError` if it could not be judged.
  public func judge(_ input: String) async throws -> [Judged] {
    switch name {
    case .preCommit, .preMergeCommit: return [try await judgeStaged()]
    case .prePush, .preReceive: return try await judgePush(try moves(input))
    }
  }

  private func validate(_ target: Validation.Target) async throws -> Validation {
    try await Validation.run(target, path: ".", environment: environment, now: now)
  }

  // MARK: A commit

  private func judgeStaged() async throws -> Judged {
    // The pre-commit framework sets these variables when it runs on existing commits.
    if let base = environment["PRE_COMMIT_FROM_REF"], let head = environment["PRE_COMMIT_TO_REF"] {
      let command = Self.command(base, head)
      return Judged(
        command: command, validation: try await validate(.commits(base: base, head: head)), isCommitted: true)
    }
    let other = try await sideThatIsThere()
    let alone = Judged(
      command: "kdops validate --staged",
      validation: try await validate(other.map { .stagedOver($0) } ?? .staged))
    guard other == nil, alone.validation.report.count(.error) > 0 else { return alone }
    return try await withUnpushed(alone)
  }

  /// Judges the index together with the commits that are not pushed yet. A change that fails against `HEAD`
  /// may be the fix: a commit is amended, or the unpushed commits are valid only as a whole. A push is also
  /// judged as a whole, so the same applies here.
  private func withUnpushed(_ alone: Judged) async throws -> Judged {
    guard let head = try await repository.head() else { return alone }
    for ref in try await trackedBranches(of: try await remoteName()) {
      guard let commit = try await repository.target(of: ref) else { continue }
      guard let base = try await repository.mergeBase(commit, head), base != head else { return alone }
      let whole = try await validate(.stagedOver(base))
      guard whole.report.count(.error) == 0 else { return alone }
      let rules = Set(alone.validation.report.findings.filter { $0.severity == .error }.map(\.rule)).sorted()
      return Judged(
        command: alone.command, validation: whole,
        note:
          "compared with HEAD alone, this violates \(rules.joined(separator: ", ")); together with the commits that are not pushed "
          + "yet it is valid, so it passes")
    }
    return alone
  }

  /// For a merge, the merged commit if the followed branch already contains it. Then only the user's own commits are
  /// new. A comparison with `HEAD` would judge several successive changes of others as one change.
  private func sideThatIsThere() async throws -> ObjectID? {
    var heads = try await repository.mergeHeads()
    // Before the hook runs, `git merge` names the merged commits only in the environment.
    heads += environment.keys.sorted().compactMap { key in
      key.hasPrefix("GITHEAD_") ? ObjectID(hex: key.dropFirst("GITHEAD_".count)) : nil
    }
    if heads.isEmpty { return nil }
    var followed = try await trackedBranches(of: try await remoteName())
    let own = try await repository.headBranch()
    for branch in try await followedBranch().map({ ["refs/heads/\($0)"] }) ?? [] where branch != own {
      followed.append(branch)
    }
    for head in heads {
      for ref in followed {
        guard let commit = try await repository.target(of: ref) else { continue }
        if try await repository.mergeBase(head, commit) == head { return head }
      }
    }
    return nil
  }

  // MARK: A push

  private func moves(_ input: String) throws -> [RefMove] {
    // The pre-commit framework consumes git's standard input itself.
    if name == .prePush, let new = environment["PRE_COMMIT_TO_REF"].flatMap({ ObjectID(hex: $0) }),
      let ref = environment["PRE_COMMIT_REMOTE_BRANCH"]
    {
      return [RefMove(ref: ref, old: nil, new: new)]
    }
    return try RefMove.read(input, of: name)
  }

  private func judgePush(_ moves: [RefMove]) async throws -> [Judged] {
    var branch = try await followedBranch()
    if name == .preReceive, branch == nil {
      branch = try await repository.headBranch().map { String($0.dropFirst("refs/heads/".count)) } ?? "main"
    }
    var seen: Set<[ObjectID?]> = []
    var judged: [Judged] = []
    for move in RefMove.judged(among: moves, branch: branch) {
      guard let new = move.new else { continue }
      let base = name == .preReceive ? move.old : try await base(of: move, new, isFollowed: branch != nil)
      // Several branches often point to the same commit.
      guard base != new, seen.insert([base, new]).inserted else { continue }
      let alone = Judged(
        branch: move.branch, command: base.map { Self.command($0.short, new.short) } ?? "kdops validate",
        validation: try await validate(.update(from: base, to: new)))
      judged.append(try await withoutRejectedIfKnown(alone, base: base, new))
    }
    return judged
  }

  /// In a shallow clone the commits before the base are missing, so that a rejected change of it is unknown.
  private func withoutRejectedIfKnown(_ alone: Judged, base: ObjectID?, _ new: ObjectID) async throws
    -> Judged
  {
    do {
      return try await withoutRejected(alone, base: base, new)
    } catch let error as GitError where error.kind == .shallow {
      return alone
    }
  }

  /// The most commits of the base that are searched for a rejected change.
  private static let rejectedLimit = 8

  /// Judges a push again that fails only for objects whose last change in the base is rejected itself. Nothing of a
  /// rejected change was applied, so the push, such as a revert, is compared with the commit before it.
  private func withoutRejected(_ alone: Judged, base: ObjectID?, _ new: ObjectID) async throws -> Judged {
    guard let base, let failed = alone.validation.failedObjects, !failed.isEmpty else { return alone }
    var earlier = base
    for _ in 0..<Self.rejectedLimit {
      guard let parent = try await repository.commitInfo(earlier).parents.first else { return alone }
      earlier = parent
      let before = try await validate(.update(from: parent, to: base))
      guard failed.isSubset(of: before.failedObjects ?? []) else { continue }
      let whole = try await validate(.update(from: parent, to: new))
      guard whole.report.count(.error) == 0 else { return alone }
      var judged = alone
      judged.validation = whole
      judged.note =
        "\(base.short) changes \(failed.sorted().map { "\($0)" }.joined(separator: ", ")) in a way that is rejected, so that "
        + "was not applied; compared with \(parent.short) this push is valid, so it passes"
      return judged
    }
    return alone
  }

  /// The commit to compare with: a commit that the remote already has, as far as this clone knows.
  private func base(of move: RefMove, _ new: ObjectID, isFollowed: Bool) async throws -> ObjectID? {
    let remote = name == .prePush ? arguments.first ?? "origin" : "origin"
    // For the followed branch: its current commit in the remote, even if the push rewrites its history.
    if isFollowed {
      if let old = move.old, try await repository.has(old) { return old }
      if let branch = move.branch,
        let known = try await repository.target(of: "refs/remotes/\(remote)/\(branch)")
      {
        return known
      }
    }
    // For other branches: the merge base with the branch that they will be merged into.
    for ref in try await trackedBranches(of: remote) {
      guard let commit = try await repository.target(of: ref) else { continue }
      if let common = try await repository.mergeBase(commit, new) { return common }
    }
    if let old = move.old, try await repository.has(old) { return old }
    return nil
  }

  // MARK: Git configuration

  /// The branch that the daemon follows, if it is configured.
  private func followedBranch() async throws -> String? {
    guard let branch = try await repository.setting(RepositorySetting.branch), !branch.isEmpty else {
      return nil
    }
    return branch
  }

  private func remoteName() async throws -> String {
    try await repository.setting(RepositorySetting.remote) ?? "origin"
  }

  /// The remote-tracking refs of the branch that changes are merged into.
  private func trackedBranches(of remote: String) async throws -> [String] {
    let names = try await followedBranch().map { [$0] } ?? ["HEAD", "main", "master"]
    return names.map { "refs/remotes/\(remote)/\($0)" }
  }

  private static func command(_ base: String, _ head: String) -> String {
    "kdops validate --base=\(ShellWord.value(base)) --head=\(ShellWord.value(head))"
  }
}

extension Validation {
  /// The objects with errors; nil if an error is not about an object.
  fileprivate var failedObjects: Set<ObjectReference>? {
    let errors = report.findings.filter { $0.severity == .error }
    let objects = Set(errors.compactMap(\.object))
    return errors.allSatisfy { $0.object != nil } ? objects : nil
  }
}
