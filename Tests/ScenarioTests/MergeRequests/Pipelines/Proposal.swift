import TestSupport

/// A merge request on a bare repository, as a forge stores it: refs for its pipelines, and a test merge.
struct Proposal {
  let team: TemporaryRepository
  /// The repository of the branch: the team's, or a fork of it.
  let repository: TemporaryRepository
  let isFork: Bool
  /// The commit of the branch.
  let head: String
  /// The merge base with the main branch.
  let parted: String
  /// The main branch now, which has newer commits.
  let target: String
  /// The main branch with the branch merged into it.
  let merge: String

  static let mergedRef = "refs/pull/3/merge"
  static let pipelineRef = "refs/pipelines/9"

  /// Proposes a change, and pushes another commit to the main branch in the meantime.
  ///
  /// - Parameter meanwhile: the files of that other change.
  init(
    _ files: [String: String?], meanwhile: [String: String?], to forge: Forge, fromFork: Bool = false
  ) throws {
    let user = forge.user
    parted = try user.head()
    try user.git("switch", "--quiet", "--create", "proposal")
    head = try user.commit(files, "Propose")
    try user.git("switch", "--quiet", "main")
    target = try forge.push(meanwhile, "Go on")
    try user.git("switch", "--quiet", "--detach")
    try user.git("merge", "--quiet", "--no-ff", "--message", "Merge", "proposal")
    merge = try user.head()
    try user.git("switch", "--quiet", "main")
    try user.push("\(merge):\(Self.mergedRef)")
    team = forge.bare
    repository = fromFork ? try team.clone("--bare") : team
    isFork = fromFork
    try user.git("push", "--quiet", repository.path, "\(head):refs/heads/proposal")
  }
}
