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
  /// How many headers it came in; git takes the texts of several together.
  public let headers: Int

  public init(text: [UInt8], payload: [UInt8], headers: Int = 1) {
    self.text = text
    self.payload = payload
    self.headers = headers
  }

  /// How many signatures stand in the text, one after another.
  public var armours: Int {
    text.split(separator: UInt8(ascii: "\n")).count { $0.starts(with: "-----BEGIN ".utf8) }
  }

  /// Told by the first line, as git does it.
  public var format: Format {
    func begins(_ line: String) -> Bool { text.starts(with: line.utf8) }
    if begins("-----BEGIN PGP SIGNATURE-----") || begins("-----BEGIN PGP MESSAGE-----") { return .openPGP }
    return begins("-----BEGIN SSH SIGNATURE-----") ? .ssh : .other
  }
}

extension CommitSignature {
  /// Takes a commit apart as git does (`parse_signed_commit` in its `commit.c`, 2.39): only among the headers, which
  /// end with the first empty line, and byte by byte, so that a zero byte ends nothing. A signature by another hash,
  /// `gpgsig-sha256`, is part of neither.
  ///
  /// libgit2 1.5 does otherwise: it looks into the message as well, ends at a zero byte, and takes a second signature
  /// for a part of what was signed. What passed here would then be refused by git, or the other way round.
  ///
  /// - Parameter commit: the commit as git stores it.
  /// - Returns: nil where it carries none.
  public init?(commit: [UInt8]) {
    var (text, payload, headers): ([UInt8], [UInt8], Int) = ([], [], 0)
    payload.reserveCapacity(commit.count)
    var before = Line.other
    var rest = commit[...]
    while let first = rest.first, first != Self.newline {
      let end = rest.firstIndex(of: Self.newline).map { $0 + 1 } ?? rest.endIndex
      let line = rest[..<end]
      rest = rest[end...]
      let kind = Line(line, after: before)
      switch kind {
      case .signature(let start):
        if first != Self.blank { headers += 1 }
        text += line[start...]
      case .otherSignature: break
      case .other: payload += line
      }
      before = kind
    }
    guard headers > 0 else { return nil }
    self.init(text: text, payload: payload + rest, headers: headers)
  }

  private static let newline = UInt8(ascii: "\n")
  private static let blank = UInt8(ascii: " ")

  /// What a line among the headers belongs to; one that begins with a blank goes on with the line before.
  private enum Line {
    /// The signature; it begins at this index.
    case signature(from: Int)
    /// One that is neither looked at nor signed.
    case otherSignature
    case other

    init(_ line: ArraySlice<UInt8>, after before: Line) {
      if line.first == CommitSignature.blank {
        if case .signature = before { self = .signature(from: line.startIndex + 1) } else { self = before }
      } else if line.starts(with: "gpgsig ".utf8) {
        self = .signature(from: line.startIndex + "gpgsig ".utf8.count)
      } else {
        self = line.starts(with: "gpgsig".utf8) ? .otherSignature : .other
      }
    }
  }
}

extension RepositoryHandle {
  /// The signature of a commit; nil where it has none.
  func signature(of id: ObjectID) throws(GitError) -> CommitSignature? {
    CommitSignature(commit: try read(id, GIT_OBJECT_COMMIT).bytes)
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
