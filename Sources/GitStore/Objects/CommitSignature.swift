import CLibgit2

/// The signature of a commit, and the bytes that it signs.
public struct CommitSignature: Sendable, Hashable {
  /// The signature format.
  public enum Format: Sendable, Hashable {
    case openPGP
    case ssh
    /// A format that git knows and kdops does not support, such as X.509.
    case other
  }

  /// The armored signature, as the commit has it.
  public let text: [UInt8]
  /// The commit without its signature.
  public let payload: [UInt8]
  /// How many signature headers the commit has; git joins the texts of several.
  public let headers: Int

  public init(text: [UInt8], payload: [UInt8], headers: Int = 1) {
    self.text = text
    self.payload = payload
    self.headers = headers
  }

  /// How many armored signatures the text has, one after another.
  public var armours: Int {
    text.split(separator: UInt8(ascii: "\n")).count { $0.starts(with: "-----BEGIN ".utf8) }
  }

  /// Derived from the first line, as git does it.
  public var format: Format {
    func begins(_ line: String) -> Bool { text.starts(with: line.utf8) }
    if begins("-----BEGIN PGP SIGNATURE-----") || begins("-----BEGIN PGP MESSAGE-----") { return .openPGP }
    return begins("-----BEGIN SSH SIGNATURE-----") ? .ssh : .other
  }
}

extension CommitSignature {
  /// Parses a commit as git does (`parse_signed_commit` in its `commit.c`, 2.39): only among the headers,
  /// which end with the first empty line, and byte by byte, so that a zero byte does not end the text. A
  /// signature over another hash, `gpgsig-sha256`, is part of neither the signature nor the payload.
  ///
  /// libgit2 1.5 differs: it also looks into the message, stops at a zero byte, and treats a second signature
  /// as signed content. A commit that passes its check could be refused by git, or the other way round.
  ///
  /// - Parameter commit: the commit as git stores it.
  /// - Returns: nil if the commit has no signature.
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

  /// The role of a header line. A line that begins with a space continues the line before.
  private enum Line {
    /// Part of the signature, which begins at this index.
    case signature(from: Int)
    /// Part of a signature that is neither checked nor signed.
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
  /// The signature of a commit; nil if it has none.
  func signature(of id: ObjectID) throws(GitError) -> CommitSignature? {
    CommitSignature(commit: try read(id, GIT_OBJECT_COMMIT).bytes)
  }

  /// The commits that are reachable from `heads` through all parents, but not from `bases`; oldest first.
  ///
  /// - Parameter bases: a base that does not exist excludes nothing.
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
  /// The signature of a commit; nil if it has none.
  public func signature(of commit: ObjectID) throws(GitError) -> CommitSignature? {
    try opened().signature(of: commit)
  }

  /// The bytes of a commit as git stores it.
  public func commitText(_ commit: ObjectID) throws(GitError) -> [UInt8] {
    try opened().read(commit, GIT_OBJECT_COMMIT).bytes
  }

  /// The commits that are reachable from `heads` through all parents, but not from `bases`; oldest first.
  ///
  /// - Parameter bases: a base that does not exist excludes nothing.
  public func commits(
    from heads: [ObjectID], hiding bases: [ObjectID], limit: Int = 1_000_000
  ) throws(GitError) -> [ObjectID] {
    try opened().commits(from: heads, hiding: bases, limit: limit)
  }
}
