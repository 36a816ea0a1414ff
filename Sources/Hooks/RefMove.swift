import GitStore
import Values

/// One ref that a push updates, as git passes it to hooks.
struct RefMove: Sendable, Hashable {
  /// The name of the ref in the remote repository.
  var ref: String
  /// Nil if the ref is new.
  var old: ObjectID?
  /// Nil if the ref is deleted.
  var new: ObjectID?

  /// The name of the branch; nil for tags, notes and other refs.
  var branch: String? {
    ref.cutting(prefix: "refs/heads/").map(String.init)
  }

  /// Parses a hook's standard input: `githooks(5)`.
  ///
  /// - Throws: `GitError` of kind `.malformed` for a line of another form.
  static func read(_ input: String, of hook: HookName) throws(GitError) -> [RefMove] {
    var moves: [RefMove] = []
    for line in input.parts(separatedBy: "\n", omittingEmpty: true) {
      let words = String(line).parts(separatedBy: " ", omittingEmpty: true)
      switch hook {
      case .prePush where words.count == 4:
        moves.append(RefMove(ref: String(words[2]), old: try id(words[3]), new: try id(words[1])))
      case .preReceive where words.count == 3:
        moves.append(RefMove(ref: String(words[2]), old: try id(words[0]), new: try id(words[1])))
      default: throw malformed(line)
      }
    }
    return moves
  }

  /// The updates that are judged: those of branches that are not deleted, and only those of `branch` if it is
  /// known.
  ///
  /// The daemon's own refs (`refs/notes/…`, `refs/kdops/…`, branches `kdops/…`), tags and deletions have
  /// nothing to judge.
  static func judged(among moves: [RefMove], branch: String?) -> [RefMove] {
    moves.filter { move in
      guard move.new != nil, let name = move.branch, !name.startsExactly(with: "kdops/") else { return false }
      return branch.map { name.isExactly($0) } ?? true
    }
  }

  private static func id(_ word: Substring) throws(GitError) -> ObjectID? {
    if word.count == ObjectID.hexCount, word.allSatisfy({ $0 == "0" }) { return nil }
    guard let id = ObjectID(hex: word) else { throw malformed(word) }
    return id
  }

  private static func malformed(_ text: Substring) -> GitError {
    GitError(
      .malformed, "'\(String(text.unicodeScalars.prefix(100)))' is not an update of a ref",
      hint: "git starts this hook and writes the pushed refs to its standard input")
  }
}
