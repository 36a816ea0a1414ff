import CLibgit2

/// A git repository: reads what is in it and writes objects and refs, never a work tree.
///
/// One `git_repository` lives behind each value; calls on it run one after another, off Swift's shared
/// threads. Reading many blobs opens further handles on the same repository.
///
/// Every method throws `GitError`.
public actor GitRepository {
  private let executor: QueueExecutor
  public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  nonisolated let location: RepositoryLocation
  /// Another handle on the same repository, opened on its first use, for reading at once.
  public nonisolated let reader: ObjectReader
  private var handle: RepositoryHandle?

  init(location: RepositoryLocation) {
    executor = QueueExecutor(label: "dev.kdops.git")
    self.location = location
    reader = ObjectReader(location: location)
  }

  /// The handle; opened on the first use, on the actor's own thread.
  func opened() throws(GitError) -> RepositoryHandle {
    if let handle { return handle }
    let new = try RepositoryHandle(location)
    handle = new
    return new
  }

  /// Lets go of the repository; the next call opens what lies at the path then.
  func forget() { handle = nil }

  /// Another handle on the same repository, not yet open.
  nonisolated func sibling() -> GitRepository { GitRepository(location: location) }

  // MARK: Opening

  /// Opens the repository in a folder or above it.
  public static func open(path: String) async throws(GitError) -> GitRepository {
    let repository = GitRepository(location: RepositoryLocation(path: path))
    _ = try await repository.folder()
    return repository
  }

  /// Opens the repository that git means where it has started us as a hook: `GIT_DIR`, `GIT_INDEX_FILE`, the
  /// quarantine of a push. Without these variables, as `open(path:)`.
  public static func openFromEnvironment(
    path: String, _ environment: [String: String]
  ) async throws(GitError) -> GitRepository {
    let repository = GitRepository(location: RepositoryLocation(path: path, environment: environment))
    _ = try await repository.folder()
    return repository
  }

  /// Makes an empty bare repository, or opens the one that is there.
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

  // MARK: What it is

  /// The git folder, with a `/` at the end.
  public func folder() throws(GitError) -> String { try opened().gitFolder }

  /// The git folder that linked work trees share, with a `/` at the end.
  public func commonFolder() throws(GitError) -> String { try opened().commonFolder }

  /// Where its files are, with a `/` at the end; nil for a bare repository.
  public func workTree() throws(GitError) -> String? { try opened().workTree }

  public func isShallow() throws(GitError) -> Bool { try opened().isShallow }

  /// What `HEAD` names; nil before the first commit.
  public func head() throws(GitError) -> ObjectID? { try opened().target(of: "HEAD") }

  /// What git's configuration says under a key, such as `kdops.branch`; nil where it says nothing.
  public func setting(_ key: String) throws(GitError) -> String? { try opened().setting(key) }

  /// The commits that a merge under way brings in besides `HEAD`; empty where none is.
  public func mergeHeads() throws(GitError) -> [ObjectID] { try opened().mergeHeads() }

  /// The branch that `HEAD` stands for, such as `refs/heads/main`; nil where it is detached.
  public func headBranch() throws(GitError) -> String? { try opened().headBranch() }

  /// Whether the object is there.
  public func has(_ id: ObjectID) throws(GitError) -> Bool { try opened().has(id) }

  /// What a ref names; nil where it does not exist.
  public func target(of ref: String) throws(GitError) -> ObjectID? { try opened().target(of: ref) }

  /// Every ref that begins with a prefix, and what it names.
  public func refs(prefix: String = "refs/") throws(GitError) -> [String: ObjectID] {
    try opened().refs(prefix: prefix)
  }

  // MARK: Trees

  /// Everything selected in a commit's tree, in the order of paths.
  public func tree(
    at commit: ObjectID, _ selection: PathSelection = .all, limits: TreeLimits = TreeLimits()
  ) throws(GitError) -> [TreeEntry] {
    let handle = try opened()
    return try handle.entries(inTree: try handle.tree(ofCommit: commit), selection, limits)
  }

  /// What differs between the trees of two commits; without a base, everything is new.
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

  /// What differs between two trees; without a base, everything is new.
  public func diff(
    baseTree: ObjectID?, headTree: ObjectID?, _ selection: PathSelection = .all,
    limits: TreeLimits = TreeLimits()
  ) throws(GitError) -> [TreeChange] {
    try opened().changes(from: baseTree, to: headTree, selection, limits)
  }

  /// What stands at a path of a commit's tree; nil where nothing does or a folder does.
  public func entry(at path: String, in commit: ObjectID) throws(GitError) -> TreeEntry? {
    let handle = try opened()
    return try handle.entry(at: path, inTree: try handle.tree(ofCommit: commit))
  }

  /// The files that `git commit` would take.
  public func stagedTree(_ selection: PathSelection = .all) throws(GitError) -> [TreeEntry] {
    try opened().stagedEntries(selection)
  }

  /// What `git commit` would change of a commit's tree; nil stands for no commit.
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
  /// - Parameter limit: how many bytes it may have.
  /// - Throws: `GitError` of kind `.tooLarge` for a larger one, of which nothing is loaded.
  public func blob(_ id: ObjectID, limit: Int) throws(GitError) -> [UInt8] {
    try opened().blob(id, limit: limit)
  }

  // MARK: History

  /// The commit that a revision means: an id, a branch, a tag, `HEAD~2`, …
  public func resolve(_ revision: String) throws(GitError) -> ObjectID { try opened().resolve(revision) }

  public func commitInfo(_ id: ObjectID) throws(GitError) -> CommitInfo { try opened().commit(id) }

  /// The best common ancestor; nil where the histories share nothing.
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

  /// The states that a file had, newest first, along first parents.
  ///
  /// - Parameters:
  ///   - limit: how many states.
  ///   - depth: how many commits are looked at.
  public func fileHistory(
    _ path: String, from commit: ObjectID, limit: Int = 10, depth: Int = 10_000
  ) throws(GitError) -> [FileVersion] {
    try opened().history(of: path, from: commit, limit: limit, depth: depth)
  }

  // MARK: Writing

  public func writeBlob(_ content: [UInt8]) throws(GitError) -> ObjectID { try opened().write(blob: content) }

  /// Writes a tree of files: another one with some paths put (nil removes) — folders come and go by
  /// themselves.
  public func writeTree(_ files: [String: ObjectID?], base: ObjectID? = nil) throws(GitError) -> ObjectID {
    var edits: [String: TreeEdit] = [:]
    for (path, id) in files { edits[path] = id.map { .put(mode: FileMode.file, id: $0) } ?? .remove }
    return try opened().writeTreeEvenEmpty(base: base, edits: edits)
  }

  /// Writes a tree of just these files, as executable as they are. Their blobs have to be there.
  public func writeTree(of entries: [TreeEntry]) throws(GitError) -> ObjectID {
    var edits: [String: TreeEdit] = [:]
    for entry in entries {
      guard case .file(let isExecutable) = entry.kind else { continue }
      edits[entry.path] = .put(mode: isExecutable ? FileMode.executable : FileMode.file, id: entry.id)
    }
    return try opened().writeTreeEvenEmpty(base: nil, edits: edits)
  }

  /// Writes a commit; no ref moves.
  public func writeCommit(
    tree: ObjectID, parents: [ObjectID], message: String, author: Signature, committer: Signature? = nil
  ) throws(GitError) -> ObjectID {
    try opened().writeCommit(
      tree: tree, parents: parents, message: message, author: author, committer: committer ?? author)
  }

  /// Moves a ref (nil removes it), provided that it still names `old` (nil: does not exist).
  public func updateRef(
    _ ref: String, to new: ObjectID?, expecting old: ObjectID?, reason: String = "kdops"
  ) throws(GitError) {
    try opened().move(ref, to: new, from: old, reason: reason)
  }

  /// Commits files to a branch without a work tree.
  ///
  /// - Parameters:
  ///   - branch: its short name; made where it does not exist.
  ///   - changes: contents by path; nil removes the file. Executable files stay executable.
  /// - Returns: the new commit, or the branch's head where nothing changes.
  public func commitFiles(
    on branch: String, _ changes: [String: [UInt8]?], message: String, author: Signature
  ) throws(GitError) -> ObjectID {
    try opened().commitFiles(on: branch, changes, message: message, author: author)
  }
}
