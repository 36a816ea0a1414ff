import Diagnostics
import GitStore
import Validation

/// What one hook judges, and against what. Reads the repository and nothing else: no hook waits for the network.
public struct HookRun {
  /// One comparison that was asked for.
  public struct Judged {
    /// The branch that is pushed to; nil for a commit.
    var branch: String?
    /// The command that shows all findings.
    var command: String
    /// What came of it.
    public var validation: Validation
    /// Whether what is judged is committed already, and no hook keeps it from that.
    var isCommitted = false
    /// Why it passes though something else was asked at first; nil mostly.
    var note: String?
  }

  let name: HookName
  /// What git gave the hook: of `pre-push` the remote's name and address.
  let arguments: [String]
  let repository: GitRepository
  let environment: [String: String]
  /// In seconds since 1970.
  let now: Int64

  /// - Parameters:
  ///   - arguments: what git gave the hook.
  ///   - now: in seconds since 1970.
  public init(
    name: HookName, arguments: [String], repository: GitRepository, environment: [String: String], now: Int64
  ) {
    (self.name, self.arguments, self.repository) = (name, arguments, repository)
    (self.environment, self.now) = (environment, now)
  }

  /// Judges a commit, or each branch that is pushed.
  ///
  /// - Parameter input: what git wrote to its standard input.
  /// - Throws: `GitError` where it could not be judged.
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
    // So says the pre-commit framework that it is run on commits that are made already.
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

  /// What is wrong beside `HEAD` may be what mends it: a commit is amended, or those that are not pushed yet come
  /// right as a whole. A push is judged as a whole as well, so that counts here, too.
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
          "on top of HEAD alone this breaks \(rules.joined(separator: ", ")); with the commits that are not pushed "
          + "yet it is right, and so it was judged")
    }
    return alone
  }

  /// Of a merge: what it brings in, where the followed branch holds that already. Then only the rest is new; against
  /// `HEAD` the steps that others made one after another would be judged as one.
  private func sideThatIsThere() async throws -> ObjectID? {
    var heads = try await repository.mergeHeads()
    // Before its hook `git merge` says it in the environment only.
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
    // The pre-commit framework reads git's lines itself.
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
      // Several branches are often one and the same commit.
      guard base != new, seen.insert([base, new]).inserted else { continue }
      judged.append(
        Judged(
          branch: move.branch, command: base.map { Self.command($0.short, new.short) } ?? "kdops validate",
          validation: try await validate(.update(from: base, to: new))))
    }
    return judged
  }

  /// What the remote has already, as far as this clone knows.
  private func base(of move: RefMove, _ new: ObjectID, isFollowed: Bool) async throws -> ObjectID? {
    let remote = name == .prePush ? arguments.first ?? "origin" : "origin"
    // Of the followed branch just what it holds there, also where its history is rewritten.
    if isFollowed {
      if let old = move.old, try await repository.has(old) { return old }
      if let branch = move.branch,
        let known = try await repository.target(of: "refs/remotes/\(remote)/\(branch)")
      {
        return known
      }
    }
    // Of any other what it adds to the branch that it will be merged into.
    for ref in try await trackedBranches(of: remote) {
      guard let commit = try await repository.target(of: ref) else { continue }
      if let common = try await repository.mergeBase(commit, new) { return common }
    }
    if let old = move.old, try await repository.has(old) { return old }
    return nil
  }

  // MARK: What git's configuration says

  /// The branch that the daemon follows, where somebody has said so.
  private func followedBranch() async throws -> String? {
    guard let branch = try await repository.setting(RepositorySetting.branch), !branch.isEmpty else {
      return nil
    }
    return branch
  }

  private func remoteName() async throws -> String {
    try await repository.setting(RepositorySetting.remote) ?? "origin"
  }

  /// Where this clone keeps the branch of a remote that others' work ends up in.
  private func trackedBranches(of remote: String) async throws -> [String] {
    let names = try await followedBranch().map { [$0] } ?? ["HEAD", "main", "master"]
    return names.map { "refs/remotes/\(remote)/\($0)" }
  }

  private static func command(_ base: String, _ head: String) -> String {
    "kdops validate --base=\(ShellWord.value(base)) --head=\(ShellWord.value(head))"
  }
}
