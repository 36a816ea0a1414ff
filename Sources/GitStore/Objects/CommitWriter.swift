import CLibgit2

extension RepositoryHandle {
  /// Writes a commit without moving a ref.
  func writeCommit(
    tree: ObjectID, parents: [ObjectID], message: String, author: Signature, committer: Signature
  ) throws(GitError) -> ObjectID {
    func line(_ who: Signature) throws(GitError) -> String {
      let name = who.name.filter { !"<>\n\0".contains($0) }.trimmed
      let email = who.email.filter { !"<>\n\0 ".contains($0) }
      if name.isEmpty {
        throw GitError(.invalid, "a commit needs the name of its author", hint: "set the author's name")
      }
      let minutes = abs(who.offsetMinutes)
      let (hours, rest) = (minutes / 60 % 100, minutes % 60)
      let sign = who.offsetMinutes < 0 ? "-" : "+"
      func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
      return "\(name) <\(email)> \(who.seconds) \(sign)\(two(hours))\(two(rest))"
    }
    var text = "tree \(tree)\n"
    for parent in parents { text += "parent \(parent)\n" }
    text += "author \(try line(author))\ncommitter \(try line(committer))\n\n"
    text += message.filter { $0 != "\0" }
    if !text.utf8.suffix(1).elementsEqual([UInt8(ascii: "\n")]) { text += "\n" }
    return try write(Array(text.utf8), GIT_OBJECT_COMMIT)
  }

  /// The target of a ref, with symbolic refs followed; nil if the ref does not exist.
  func target(of ref: String) throws(GitError) -> ObjectID? {
    var raw = git_oid()
    let code = git_reference_name_to_id(&raw, pointer, ref)
    if code == GIT_ENOTFOUND.rawValue {
      git_error_clear()
      return nil
    }
    try check(code, "read \(ref)")
    return ObjectID(raw)
  }

  /// Moves a ref, if it still has the expected target.
  ///
  /// - Parameters:
  ///   - new: nil removes the ref.
  ///   - old: nil means that the ref must not exist.
  /// - Throws: `GitError` of kind `.conflict` if the ref has another target.
  func move(_ ref: String, to new: ObjectID?, from old: ObjectID?, reason: String) throws(GitError) {
    if new == old {
      guard try target(of: ref) == old else {
        throw GitError(.conflict, "\(ref) moved meanwhile", hint: "fetch and try again")
      }
      return
    }
    guard let new else {
      let reference = try Owned("read \(ref)", release: git_reference_free) {
        git_reference_lookup(&$0, pointer, ref)
      }
      guard git_reference_target(reference.pointer).map({ ObjectID($0.pointee) }) == old else {
        throw GitError(.conflict, "\(ref) moved meanwhile", hint: "fetch and try again")
      }
      return try check(git_reference_delete(reference.pointer), "remove \(ref)")
    }
    guard let old else { return try make(ref, at: new, reason: reason) }
    var raw = new.raw
    var expected = old.raw
    _ = try Owned("move \(ref) to \(new.short)", release: git_reference_free) { result in
      git_reference_create_matching(&result, pointer, ref, &raw, 1, &expected, reason)
    }
  }

  /// Creates a ref that does not exist. libgit2's own function checks before it locks: of two concurrent
  /// creators, the later one would overwrite the first.
  private func make(_ ref: String, at new: ObjectID, reason: String) throws(GitError) {
    let step = "create \(ref) at \(new.short)"
    let transaction = try Owned(step, release: git_transaction_free) { git_transaction_new(&$0, pointer) }
    try check(git_transaction_lock_ref(transaction.pointer, ref), step)
    guard try target(of: ref) == nil else {
      throw GitError(.conflict, "\(ref) is there already", hint: "fetch and try again")
    }
    var raw = new.raw
    try check(git_transaction_set_target(transaction.pointer, ref, &raw, nil, reason), step)
    try check(git_transaction_commit(transaction.pointer), step)
  }
}

extension String {
  /// The string without white space at both ends.
  var trimmed: String {
    let start = unicodeScalars.drop { $0.properties.isWhitespace }
    let back = start.reversed().drop { $0.properties.isWhitespace }
    return String(String.UnicodeScalarView(back.reversed()))
  }
}
