import CLibgit2

extension RepositoryHandle {
  func commitFiles(
    on branch: String, _ changes: [String: [UInt8]?], message: String, author: Signature
  ) throws(GitError) -> ObjectID {
    let ref = "refs/heads/\(branch)"
    let parent = try target(of: ref)
    let commit = try writeCommit(
      onto: parent, changes, message: message, author: author, keepingEmpty: parent == nil)
    if let commit { try move(ref, to: commit, from: parent, reason: "commit: \(message.singleLine)") }
    guard let result = commit ?? parent else { throw GitError(.other, "branch \(branch) has no commit") }
    return result
  }

  /// Writes a commit that changes some files of its parent.
  ///
  /// - Returns: nil if the tree stays the same, unless `keepingEmpty` is set.
  func writeCommit(
    onto parent: ObjectID?, _ changes: [String: [UInt8]?], message: String, author: Signature,
    keepingEmpty: Bool
  ) throws(GitError) -> ObjectID? {
    var base: ObjectID?
    if let parent { base = try tree(ofCommit: parent) }
    var edits: [String: TreeEdit] = [:]
    for (path, content) in changes {
      guard let content else {
        edits[path] = .remove
        continue
      }
      var old: TreeEntry?
      if let base { old = try entry(at: path, inTree: base) }
      let mode = old?.kind == .file(executable: true) ? FileMode.executable : FileMode.file
      edits[path] = .put(mode: mode, id: try write(blob: content))
    }
    let changed = try writeTreeEvenEmpty(base: base, edits: edits)
    if changed == base && !keepingEmpty { return nil }
    return try writeCommit(
      tree: changed, parents: parent.map { [$0] } ?? [], message: message, author: author, committer: author)
  }

  func headBranch() throws(GitError) -> String? {
    let head = try Owned("read HEAD", release: git_reference_free) {
      git_reference_lookup(&$0, pointer, "HEAD")
    }
    return git_reference_symbolic_target(head.pointer).map { String(cString: $0) }
  }

  /// The refs with a prefix, and their targets. A ref whose file is damaged is omitted, so that the others
  /// can still be read.
  func refs(prefix: String) throws(GitError) -> [String: ObjectID] {
    // `packed-refs` is read whole.
    let iterator = try AllocationLimit.run(AllocationLimit.transfer) { () throws(GitError) in
      try Owned("list the refs", release: git_reference_iterator_free) {
        git_reference_iterator_new(&$0, pointer)
      }
    }
    var result: [String: ObjectID] = [:]
    var name: UnsafePointer<CChar>?
    while true {
      let code = git_reference_next_name(&name, iterator.pointer)
      if code == GIT_ITEROVER.rawValue { break }
      try check(code, "list the refs")
      let ref = String(lenient: name)
      if ref.hasPrefix(prefix), let id = (try? target(of: ref)) ?? nil { result[ref] = id }
    }
    git_error_clear()
    return result
  }
}
