/// Parses commits from the bytes that git stores.
extension CommitInfo {
  /// Parses a commit. Only the tree is required: a commit without an author, which git refuses to create but
  /// not to store, gets an empty one.
  ///
  /// - Throws: `GitError` of kind `.malformed` if it names no tree.
  init(_ id: ObjectID, _ bytes: UnsafeRawBufferPointer) throws(GitError) {
    var (tree, parents) = (ObjectID?.none, [ObjectID]())
    var (author, committer) = (Signature?.none, Signature?.none)
    var rest = bytes[...]
    while let end = rest.firstIndex(of: UInt8(ascii: "\n")), end > rest.startIndex {
      let line = rest[rest.startIndex..<end]
      rest = rest[(end + 1)...]
      func value(of key: String) -> Slice<UnsafeRawBufferPointer>? {
        line.starts(with: key.utf8) ? line.dropFirst(key.utf8.count) : nil
      }
      if tree == nil, let hex = value(of: "tree ") {
        tree = ObjectID(hex: String(decoding: hex, as: UTF8.self))
      } else if let hex = value(of: "parent "),
        let parent = ObjectID(hex: String(decoding: hex, as: UTF8.self))
      {
        parents.append(parent)
      } else if author == nil, let text = value(of: "author ") {
        author = Signature(stored: text)
      } else if committer == nil, let text = value(of: "committer ") {
        committer = Signature(stored: text)
      }
    }
    guard let tree else {
      throw GitError(.malformed, "commit \(id) names no tree", hint: "run `git fsck` on the repository")
    }
    let message = rest.drop { $0 == UInt8(ascii: "\n") }.prefix(Self.messageLimit).prefix { $0 != 0 }
    let unknown = Signature(name: "", email: "", seconds: 0)
    self.init(
      id: id, tree: tree, parents: parents, author: author ?? committer ?? unknown,
      committer: committer ?? author ?? unknown, message: String(decoding: message, as: UTF8.self))
  }
}

extension Signature {
  /// Parses `NAME <EMAIL> SECONDS +HHMM`, the form in a commit; a missing part becomes empty or 0.
  fileprivate init(stored text: Slice<UnsafeRawBufferPointer>) {
    let start = text.lastIndex(of: UInt8(ascii: "<")) ?? text.endIndex
    let end = text[start...].lastIndex(of: UInt8(ascii: ">")) ?? text.endIndex
    func word(_ bytes: Slice<UnsafeRawBufferPointer>) -> String {
      String(decoding: bytes, as: UTF8.self).trimmed
    }
    let time = end < text.endIndex ? word(text[(end + 1)...]).split(separator: " ") : []
    var minutes = 0
    if time.count > 1, time[1].utf8.count == 5, let offset = Int(time[1]) {
      minutes = offset / 100 * 60 + offset % 100
    }
    let seconds = time.first.flatMap { Int64($0) } ?? 0
    let range = Self.secondsRange
    self.init(
      name: word(text[..<start]), email: start < end ? word(text[(start + 1)..<end]) : "",
      seconds: min(max(seconds, range.lowerBound), range.upperBound), offsetMinutes: minutes)
  }
}
