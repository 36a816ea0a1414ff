import CLibgit2

/// A signature that a commit carries, and the bytes that it was made over.
public struct CommitSignature: Sendable, Hashable {
  /// By whose rules it was made.
  public enum Format: Sendable, Hashable {
    case openPGP
    case ssh
    /// Of a kind that git knows and we do not, such as X.509.
    case other
  }

  /// In armour, as the commit has it.
  public let text: [UInt8]
  /// The commit without its signature.
  public let payload: [UInt8]

  public init(text: [UInt8], payload: [UInt8]) {
    self.text = text
    self.payload = payload
  }

  /// Told by the first line, as git does it.
  public var format: Format {
    func begins(_ line: String) -> Bool { text.starts(with: line.utf8) }
    if begins("-----BEGIN PGP SIGNATURE-----") || begins("-----BEGIN PGP MESSAGE-----") { return .openPGP }
    return begins("-----BEGIN SSH SIGNATURE-----") ? .ssh : .other
  }
}

extension RepositoryHandle {
  /// The signature of a commit; nil where it has none.
  func signature(of id: ObjectID) throws(GitError) -> CommitSignature? {
    // Read first: a commit that is not there is no commit without a signature.
    _ = try read(id, GIT_OBJECT_COMMIT)
    var (signature, payload, raw) = (git_buf(), git_buf(), id.raw)
    defer {
      git_buf_dispose(&signature)
      git_buf_dispose(&payload)
    }
    let code = git_commit_extract_signature(&signature, &payload, pointer, &raw, nil)
    if code == GIT_ENOTFOUND.rawValue {
      git_error_clear()
      return nil
    }
    try check(code, "read the signature of \(id.short)")
    return CommitSignature(text: Self.bytes(of: signature), payload: Self.bytes(of: payload))
  }

  private static func bytes(of buffer: git_buf) -> [UInt8] {
    Array(UnsafeRawBufferPointer(start: buffer.ptr, count: buffer.size))
  }

  /// The commits that some can reach, through all parents, and others cannot; the oldest first.
  ///
  /// - Parameter bases: those that are not there hide nothing.
  func commits(
    from heads: [ObjectID], hiding bases: [ObjectID], limit: Int
  ) throws(GitError) -> [ObjectID] {
    let step = "walk the history"
    let walk = try Owned(step, release: git_revwalk_free) { git_revwalk_new(&$0, pointer) }
    try check(
      git_revwalk_sorting(walk.pointer, GIT_SORT_TOPOLOGICAL.rawValue | GIT_SORT_REVERSE.rawValue), step)
    for head in heads {
      var raw = head.raw
      try check(git_revwalk_push(walk.pointer, &raw), "walk from \(head.short)")
    }
    for base in bases where has(base) {
      var raw = base.raw
      try check(git_revwalk_hide(walk.pointer, &raw), "walk up to \(base.short)")
    }
    var found: [ObjectID] = []
    var raw = git_oid()
    while found.count < limit {
      let code = git_revwalk_next(&raw, walk.pointer)
      if code == GIT_ITEROVER.rawValue { break }
      try check(code, step)
      found.append(ObjectID(raw))
    }
    git_error_clear()
    return found
  }
}

extension GitRepository {
  /// The signature of a commit; nil where it has none.
  public func signature(of commit: ObjectID) throws(GitError) -> CommitSignature? {
    try opened().signature(of: commit)
  }

  /// The bytes of a commit as git stores it.
  public func commitText(_ commit: ObjectID) throws(GitError) -> [UInt8] {
    try opened().read(commit, GIT_OBJECT_COMMIT).bytes
  }

  /// The commits that `heads` can reach, through all parents, and `bases` cannot; the oldest first.
  ///
  /// - Parameter bases: those that are not there hide nothing.
  public func commits(
    from heads: [ObjectID], hiding bases: [ObjectID], limit: Int = 1_000_000
  ) throws(GitError) -> [ObjectID] {
    try opened().commits(from: heads, hiding: bases, limit: limit)
  }
}
