import CLibgit2

/// A git repository: reads its content and writes objects and refs, but never a work tree.
///
/// Each value owns one `git_repository`; calls on it are serialized, off Swift's shared threads. Reading many
/// blobs opens further handles on the same repository.
///
/// Every method throws `GitError`.
public actor GitRepository {
  private let executor: QueueExecutor
  public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  nonisolated let location: RepositoryLocation
  /// A second handle on the same repository for synchronous reads, opened on first use.
  public nonisolated let reader: ObjectReader
  private var handle: RepositoryHandle?

  init(location: RepositoryLocation) {
    executor = QueueExecutor(label: "dev.kdops.git")
    self.location = location
    reader = ObjectReader(location: location)
  }

  /// The handle for one operation; opened on first use, on the actor's own thread.
  func opened() throws(GitError) -> RepositoryHandle {
    if let handle {
      handle.budget = UnpackBudget()
      return handle
    }
    let new = try RepositoryHandle(location)
    handle = new
    return new
  }

  /// Closes the repository. The next call opens the repository that is then at the path.
  func forget() { handle = nil }

  /// A new handle on the same repository, not yet open.
  nonisolated func sibling() -> GitRepository { GitRepository(location: location) }

  // MARK: Opening

  /// Opens the repository in a folder or in one of its parents.
  public static func open(path: String) async throws(GitError) -> GitRepository {
    let repository = GitRepository(location: RepositoryLocation(path: path))
    _ = try await repository.folder()
    return repository
  }

  /// Opens the repository from the environment that git gives to a hook: `GIT_DIR`, `GIT_INDEX_FILE`, the
  /// quarantine of a push. Without these variables, the same as `open(path:)`.
  public static func openFromEnvironment(
    path: String, _ environment: [String: String]
  ) async throws(GitError) -> GitRepository {
    let repository = GitRepository(location: RepositoryLocation(path: path, environment: environment))
    _ = try await repository.folder()
    return repository
  }

  /// Creates an empty bare repository, or opens the existing one.
  public static func initBare(path: String, branch: String = "main") async throws(GitError) -> GitRepository {
    var location = RepositoryLocation(path: path)
    location.search = false
    let repository = GitRepository(location: location)
    try await repository.create(branch: branch)
    return repository
  }

  private func create(branch: String) throws(GitError) {
    try GitLibrary.start()
    var options = git_repository_init_options()
    try check(
      git_repository_init_options_init(&options, UInt32(GIT_REPOSITORY_INIT_OPTIONS_VERSION)), "prepare")
    options.flags =
      GIT_REPOSITORY_INIT_BARE.rawValue | GIT_REPOSITORY_INIT_MKDIR.rawValue
      | GIT_REPOSITORY_INIT_MKPATH.rawValue
    let path = location.path
    var created: OpaquePointer?
    let code = branch.withCString { name in
      options.initial_head = name
      return git_repository_init_ext(&created, path, &options)
    }
    git_repository_free(created)
    try check(code, "create the repository \(path)")
    _ = try opened()
  }

  // MARK: Properties

  /// The git folder, with a `/` at the end.
  public func folder() throws(GitError) -> String { try opened().gitFolder }

  /// The git folder that linked work trees share, with a `/` at the end.
  public func commonFolder() throws(GitError) -> String { try opened().commonFolder }

  /// The work tree, with a `/` at the end; nil for a bare repository.
  public func workTree() throws(GitError) -> String? { try opened().workTree }

  public func isShallow() throws(GitError) -> Bool { try opened().isShallow }

  /// The commit of `HEAD`; nil before the first commit.
  public func head() throws(GitError) -> ObjectID? { try opened().target(of: "HEAD") }

  /// The value of a key in git's configuration, such as `kdops.branch`; nil if the key is not set.
  public func setting(_ key: String) throws(GitError) -> String? { try opened().setting(key) }

  /// All values of a key in git's configuration that may be set several times.
  public func settings(_ key: String) throws(GitError) -> [String] { try opened().settings(key) }

  /// The commits that a merge in progress brings in besides `HEAD`; empty if no merge is in progress.
  public func mergeHeads() throws(GitError) -> [ObjectID] { try opened().mergeHeads() }

  /// The branch of `HEAD`, such as `refs/heads/main`; nil if it is detached.
  public func headBranch() throws(GitError) -> String? { try opened().headBranch() }

  /// Whether the object exists.
  public func has(_ id: ObjectID) throws(GitError) -> Bool { try opened().has(id) }

  /// The target of a ref; nil if the ref does not exist.
  public func target(of ref: String) throws(GitError) -> ObjectID? { try opened().target(of: ref) }

  /// All refs with a prefix, and their targets.
  public func refs(prefix: String = "refs/") throws(GitError) -> [String: ObjectID] {
    try opened().refs(prefix: prefix)
  }

  // MARK: Trees

  /// The selected entries of a commit's tree, ordered by path.
  public func tree(
    at commit: ObjectID, _ selection: PathSelection = .all, limits: TreeLimits = TreeLimits()
  ) throws(GitError) -> [TreeEntry] {
    let handle = try opened()
    return try handle.entries(inTree: try handle.tree(ofCommit: commit), selection, limits)
  }

  /// The differences between the trees of two commits; without a base, everything is new.
  public func diff(
    base: ObjectID?, head: ObjectID?, _ selection: PathSelection = .all, limits: TreeLimits = TreeLimits()
  ) throws(GitError) -> [TreeChange] {
    let handle = try opened()
    var (old, new): (ObjectID?, ObjectID?)
    if let base { old = try handle.tree(ofCommit: base) }
    if let head { new = try handle.tree(ofCommit: head) }
    return try handle.changes(from: old, to: new, selection, limits)
  }

  /// The tree of a commit.
  public func treeID(of commit: ObjectID) throws(GitError) -> ObjectID { try opened().tree(ofCommit: commit) }

  /// The differences between two trees; without a base, everything is new.
  public func diff(
    baseTree: ObjectID?, headTree: ObjectID?, _ selection: PathSelection = .all,
    limits: TreeLimits = TreeLimits()
  ) throws(GitError) -> [TreeChange] {
    try opened().changes(from: baseTree, to: headTree, selection, limits)
  }

  /// The entry at a path of a commit's tree; nil if there is none or it is a folder.
  public func entry(at path: String, in commit: ObjectID) throws(GitError) -> TreeEntry? {
    try entry(at: path, in: commit, budget: SharedTreeBudget())
  }

  /// The entry at a path of a commit's tree, as `entry(at:in:)`, for several readings that share one limit.
  public func entry(
    at path: String, in commit: ObjectID, budget: SharedTreeBudget
  ) throws(GitError) -> TreeEntry? {
    let handle = try opened()
    handle.budget = budget.unpacking
    return try budget.use { (budget) throws(GitError) in
      try handle.entry(at: path, inTree: try handle.commit(commit, &budget).tree, &budget)
    }
  }

  /// The files that `git commit` would commit.
  public func stagedTree(_ selection: PathSelection = .all) throws(GitError) -> [TreeEntry] {
    try opened().stagedEntries(selection)
  }

  /// The changes that `git commit` would make to a commit's tree; nil means no commit.
  public func stagedChanges(
    since commit: ObjectID?, _ selection: PathSelection = .all, limits: TreeLimits = TreeLimits()
  ) throws(GitError) -> [TreeChange] {
    let handle = try opened()
    var tree: ObjectID?
    if let commit { tree = try handle.tree(ofCommit: commit) }
    return try handle.stagedChanges(since: tree, selection, limits)
  }

  /// The bytes of a file.
  ///
  /// - Parameter limit: the largest allowed size in bytes.
  /// - Throws: `GitError` of kind `.tooLarge` for a larger file, which is not loaded.
  public func blob(_ id: ObjectID, limit: Int) throws(GitError) -> [UInt8] {
    try opened().blob(id, limit: limit)
  }

  /// The size of a file in bytes; the file is not loaded.
  public func size(ofBlob id: ObjectID) throws(GitError) -> Int {
    try opened().size(of: id, GIT_OBJECT_BLOB)
  }

  // MARK: History

  /// The commit of a revision: an id, a branch, a tag, `HEAD~2`, …
  public func resolve(_ revision: String) throws(GitError) -> ObjectID { try opened().resolve(revision) }

  public func commitInfo(_ id: ObjectID) throws(GitError) -> CommitInfo { try opened().commit(id) }

  /// The best common ancestor; nil if the histories are unrelated.
  public func mergeBase(_ one: ObjectID, _ other: ObjectID) throws(GitError) -> ObjectID? {
    try opened().mergeBase(one, other)
  }

  /// Whether `ancestor` is `commit` or one of its ancestors.
  public func isAncestor(_ ancestor: ObjectID, of commit: ObjectID) throws(GitError) -> Bool {
    try opened().isAncestor(ancestor, of: commit)
  }

  /// The commits after `base` up to `head` along first parents, oldest first, at most `limit`.
  public func firstParentLog(
    from base: ObjectID?, to head: ObjectID, limit: Int = 10_000
  ) throws(GitError) -> FirstParentLog {
    try opened().firstParentLog(from: base, to: head, limit: limit)
  }

  /// The versions of a file, newest first, along first parents.
  ///
  /// - Parameters:
  ///   - limit: the most versions to return.
  ///   - depth: the most commits to visit.
  ///   - budget: the limits of all searches that share it. Where they are exceeded, the search ends.
  public func fileHistory(
    _ path: String, from commit: ObjectID, limit: Int = 10, depth: Int = 10_000,
    budget: SharedTreeBudget = SharedTreeBudget()
  ) throws(GitError) -> [FileVersion] {
    let handle = try opened()
    handle.budget = budget.unpacking
    return try budget.use { (budget) throws(GitError) in
      try handle.history(of: path, from: commit, limit: limit, depth: depth, &budget)
    }
  }

  // MARK: Writing

  public func writeBlob(_ content: [UInt8]) throws(GitError) -> ObjectID { try opened().write(blob: content) }

  /// Writes a tree: the base with some paths changed (nil removes). Folders are created and removed as
  /// needed.
  public func writeTree(_ files: [String: ObjectID?], base: ObjectID? = nil) throws(GitError) -> ObjectID {
    var edits: [String: TreeEdit] = [:]
    for (path, id) in files { edits[path] = id.map { .put(mode: FileMode.file, id: $0) } ?? .remove }
    return try opened().writeTreeEvenEmpty(base: base, edits: edits)
  }

  /// Writes a tree of exactly these files, with their executable bits. Their blobs must exist.
  public func writeTree(of entries: [TreeEntry]) throws(GitError) -> ObjectID {
    var edits: [String: TreeEdit] = [:]
    for entry in entries {
      guard case .file(let isExecutable) = entry.kind else { continue }
      edits[entry.path] = .put(mode: isExecutable ? FileMode.executable : FileMode.file, id: entry.id)
    }
    return try opened().writeTreeEvenEmpty(base: nil, edits: edits)
  }

  /// Writes a commit without moving a ref.
  public func writeCommit(
    tree: ObjectID, parents: [ObjectID], message: String, author: Signature, committer: Signature? = nil
  ) throws(GitError) -> ObjectID {
    try opened().writeCommit(
      tree: tree, parents: parents, message: message, author: author, committer: committer ?? author)
  }

  /// Moves a ref (nil removes it), if its target is still `old` (nil: it does not exist).
  public func updateRef(
    _ ref: String, to new: ObjectID?, expecting old: ObjectID?, reason: String = "kdops"
  ) throws(GitError) {
    try opened().move(ref, to: new, from: old, reason: reason)
  }

  /// Commits files to a branch without a work tree.
  ///
  /// - Parameters:
  ///   - branch: its short name; created if it does not exist.
  ///   - changes: contents by path; nil removes the file. Executable files stay executable.
  /// - Returns: the new commit, or the branch's head if nothing changes.
  public func commitFiles(
    on branch: String, _ changes: [String: [UInt8]?], message: String, author: Signature
  ) throws(GitError) -> ObjectID {
    try opened().commitFiles(on: branch, changes, message: message, author: author)
  }
}
