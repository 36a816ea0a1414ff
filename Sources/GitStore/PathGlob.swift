import Values

/// A pattern over paths of a repository: `**` for any number of folders, `*` and `?` within one name.
///
/// `apps/**` takes everything below `apps`, `**/x.yaml` takes `x.yaml` at any depth including the root, `*`
/// takes any name or part of one (hidden files too), `?` one Unicode scalar. Case counts. Character classes
/// and braces are not part of the language.
///
/// Inside, a glob is a small automaton: one bit for each of its parts, set while that part is the next to
/// match. A walk over a tree carries the bits from folder to file, so no path is ever split or matched twice.
public struct PathGlob: Sendable, Hashable {
  /// The pattern as it was written.
  @ExactString public private(set) var pattern: String
  private let parts: [Part]

  /// In bytes. The time that one part takes for one name goes with the length of both.
  private static let lengthLimit = 1024

  private enum Part: Sendable, Hashable {
    case anyFolders
    case name([UInt8])
    case wildcard([UInt8])
  }

  /// Reads a pattern.
  ///
  /// - Throws: `GitError` of kind `.invalid` for an empty or absolute pattern, one with `.`, `..` or empty
  ///   names, with `[`, `{` or control characters, with more than 60 names, or longer than a path can be.
  public init(_ pattern: String) throws(GitError) {
    func refuse(_ reason: String) -> GitError {
      GitError(
        .invalid, "glob `\(pattern.singleLine)` \(reason)",
        hint: "write it like `clusters/**` or `apps/*.json`, from the repository's root")
    }
    if pattern.isEmpty { throw refuse("is empty") }
    if pattern.utf8.count > Self.lengthLimit {
      throw GitError(
        .invalid, "glob `\(String(pattern.prefix(60)).singleLine)…` is longer than \(Self.lengthLimit) bytes",
        hint: "write it like `clusters/**` or `apps/*.json`, from the repository's root")
    }
    if pattern.utf8.first == UInt8(ascii: "/") { throw refuse("is absolute") }
    if pattern.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) { throw refuse("has control characters") }
    if pattern.utf8.contains(where: { $0 == UInt8(ascii: "[") || $0 == UInt8(ascii: "{") }) {
      throw refuse("has a character class or braces, which are not supported")
    }
    var parts: [Part] = []
    for name in pattern.parts(separatedBy: "/") {
      switch name {
      case "": throw refuse("has an empty name")
      case ".", "..": throw refuse("has `\(name)` as a name")
      case "**": if parts.last != .anyFolders { parts.append(.anyFolders) }
      default:
        let bytes = Array(name.utf8)
        let plain = !bytes.contains { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "?") }
        parts.append(plain ? .name(bytes) : .wildcard(bytes))
      }
    }
    if parts.count > 60 { throw refuse("has more than 60 names") }
    self.pattern = pattern
    self.parts = parts
  }

  /// Whether a path (from the root, with `/`) is one that the pattern means.
  public func matches(_ path: String) -> Bool {
    var path = path
    return path.withUTF8 { matches(UnsafeRawBufferPointer($0)) }
  }

  func matches(_ path: UnsafeRawBufferPointer) -> Bool {
    var state = start
    PathBytes.forEachName(of: path) { name in
      state = step(state, into: name)
      return true
    }
    return accepts(state)
  }

  /// The state at the root.
  var start: UInt64 { closure(1) }

  /// The state after going from a folder to the thing of this name in it.
  func step(_ state: UInt64, into name: UnsafeRawBufferPointer) -> UInt64 {
    var next: UInt64 = 0
    for (index, part) in parts.enumerated() where state & (1 << UInt64(index)) != 0 {
      switch part {
      case .anyFolders:
        next |= 1 << UInt64(index)
        // At the end, `**` means one name at least: `apps/**` is not `apps` itself.
        if index == parts.count - 1 { next |= 1 << UInt64(parts.count) }
      case .name(let expected):
        if name.elementsEqual(expected) { next |= 1 << UInt64(index + 1) }
      case .wildcard(let pattern):
        if Self.matches(name, pattern) { next |= 1 << UInt64(index + 1) }
      }
    }
    return closure(next)
  }

  /// Whether what was stepped into is meant.
  func accepts(_ state: UInt64) -> Bool { state & (1 << UInt64(parts.count)) != 0 }

  /// Whether something below what was stepped into can be meant.
  func mayGoOn(_ state: UInt64) -> Bool { state & ((1 << UInt64(parts.count)) - 1) != 0 }

  /// `**` in the middle may stand for no folder at all.
  private func closure(_ state: UInt64) -> UInt64 {
    var state = state
    for (index, part) in parts.enumerated() where part == .anyFolders && index < parts.count - 1 {
      if state & (1 << UInt64(index)) != 0 { state |= 1 << UInt64(index + 1) }
    }
    return state
  }

  /// One name against one part, going back to the last `*` only, so that no pattern takes more than length ×
  /// length.
  private static func matches(_ name: UnsafeRawBufferPointer, _ pattern: [UInt8]) -> Bool {
    var (at, want) = (0, 0)
    var retry: (at: Int, want: Int)?
    while at < name.count {
      if want < pattern.count, pattern[want] == UInt8(ascii: "*") {
        retry = (at, want)
        want += 1
      } else if want < pattern.count, pattern[want] == UInt8(ascii: "?") {
        at = endOfScalar(name, at)
        want += 1
      } else if want < pattern.count, pattern[want] == name[at] {
        (at, want) = (at + 1, want + 1)
      } else if let last = retry {
        retry = (endOfScalar(name, last.at), last.want)
        (at, want) = (endOfScalar(name, last.at), last.want + 1)
      } else {
        return false
      }
    }
    return pattern[want...].allSatisfy { $0 == UInt8(ascii: "*") }
  }

  private static func endOfScalar(_ name: UnsafeRawBufferPointer, _ start: Int) -> Int {
    var end = start + 1
    while end < name.count, name[end] & 0xc0 == 0x80 { end += 1 }
    return end
  }
}

/// Which part of a tree is looked at: everything, or what some globs mean.
public struct PathSelection: Sendable, Hashable {
  private let globs: [PathGlob]?

  /// Every path.
  public static let all = PathSelection(globs: nil)

  private init(globs: [PathGlob]?) { self.globs = globs }

  /// What any of the globs means; nothing where there are none.
  public init(_ globs: [PathGlob]) { self.globs = globs }

  /// Reads the globs of a configuration.
  ///
  /// - Throws: as `PathGlob.init`.
  public init(patterns: [String]) throws(GitError) {
    var globs: [PathGlob] = []
    for pattern in patterns { globs.append(try PathGlob(pattern)) }
    self.globs = globs
  }

  public func contains(_ path: String) -> Bool { globs?.contains { $0.matches(path) } ?? true }

  func contains(_ path: UnsafeRawBufferPointer) -> Bool { globs?.contains { $0.matches(path) } ?? true }

  /// Where a walk stands; one state a glob.
  struct State {
    fileprivate var bits: [UInt64]
  }

  var start: State { State(bits: globs?.map(\.start) ?? []) }

  /// Goes to the thing of this name in a folder.
  func step(_ state: State, into name: UnsafeRawBufferPointer) -> (state: State, accepts: Bool, mayGoOn: Bool)
  {
    guard let globs else { return (state, true, true) }
    var next = state
    var (accepts, mayGoOn) = (false, false)
    for (index, glob) in globs.enumerated() {
      let bits = glob.step(state.bits[index], into: name)
      next.bits[index] = bits
      accepts = accepts || glob.accepts(bits)
      mayGoOn = mayGoOn || glob.mayGoOn(bits)
    }
    return (next, accepts, mayGoOn)
  }
}
