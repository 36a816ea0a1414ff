import Values

/// A glob pattern for repository paths: `**` for any number of folders, `*` and `?` within one name.
///
/// `apps/**` matches everything below `apps`, `**/x.yaml` matches `x.yaml` at any depth including the root,
/// `*` matches any name or part of one (hidden files too), `?` one Unicode scalar. Matching is
/// case-sensitive. Character classes and braces are not supported.
///
/// Implemented as a small automaton: one bit for each part, set if that part is the next to match. A tree
/// walk carries the bits from folder to file, so no path is split or matched twice.
public struct PathGlob: Sendable, Hashable {
  /// The pattern as written.
  @ExactString public private(set) var pattern: String
  private let parts: [Part]

  /// In bytes. Matching one part against one name takes time proportional to the product of both lengths.
  private static let lengthLimit = 1024

  private enum Part: Sendable, Hashable {
    case anyFolders
    case name([UInt8])
    case wildcard([UInt8])
  }

  /// Parses a pattern.
  ///
  /// - Throws: `GitError` of kind `.invalid` for an empty or absolute pattern, one with `.`, `..` or empty
  ///   names, with `[`, `{` or control characters, with more than 60 names, or with more than 1024 bytes.
  public init(_ pattern: String) throws(GitError) {
    func refuse(_ reason: String) -> GitError {
      GitError(
        .invalid, "glob `\(pattern.singleLine)` \(reason)",
        hint: "write it like `clusters/**` or `apps/*.json`, from the repository's root")
    }
    if pattern.isEmpty { throw refuse("is empty") }
    if pattern.utf8.count > Self.lengthLimit {
      throw GitError(
        .invalid,
        "glob `\(String(pattern.unicodeScalars.prefix(60)).singleLine)…` is longer than \(Self.lengthLimit) bytes",
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

  /// Whether the pattern matches a path (from the root, with `/`).
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

  /// The state after a step from a folder to the entry with this name.
  func step(_ state: UInt64, into name: UnsafeRawBufferPointer) -> UInt64 {
    var next: UInt64 = 0
    for (index, part) in parts.enumerated() where state & (1 << UInt64(index)) != 0 {
      switch part {
      case .anyFolders:
        next |= 1 << UInt64(index)
        // At the end, `**` matches one name at least: `apps/**` does not match `apps` itself.
        if index == parts.count - 1 { next |= 1 << UInt64(parts.count) }
      case .name(let expected):
        if name.elementsEqual(expected) { next |= 1 << UInt64(index + 1) }
      case .wildcard(let pattern):
        if Self.matches(name, pattern) { next |= 1 << UInt64(index + 1) }
      }
    }
    return closure(next)
  }

  /// Whether the pattern matches the current entry.
  func accepts(_ state: UInt64) -> Bool { state & (1 << UInt64(parts.count)) != 0 }

  /// Whether the pattern can match an entry below the current one.
  func mayGoOn(_ state: UInt64) -> Bool { state & ((1 << UInt64(parts.count)) - 1) != 0 }

  /// Adds the states in which a `**` in the middle matches no folder.
  private func closure(_ state: UInt64) -> UInt64 {
    var state = state
    for (index, part) in parts.enumerated() where part == .anyFolders && index < parts.count - 1 {
      if state & (1 << UInt64(index)) != 0 { state |= 1 << UInt64(index + 1) }
    }
    return state
  }

  /// Matches one name against one part. Backtracks to the last `*` only, so the time is at most the product
  /// of both lengths.
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

/// The selected part of a tree: everything, or the matches of some globs.
public struct PathSelection: Sendable, Hashable {
  private let globs: [PathGlob]?

  /// Every path.
  public static let all = PathSelection(globs: nil)

  private init(globs: [PathGlob]?) { self.globs = globs }

  /// The matches of any of the globs; nothing if there are none.
  public init(_ globs: [PathGlob]) { self.globs = globs }

  /// Parses the globs of a configuration.
  ///
  /// - Throws: as `PathGlob.init`.
  public init(patterns: [String]) throws(GitError) {
    var globs: [PathGlob] = []
    for pattern in patterns { globs.append(try PathGlob(pattern)) }
    self.globs = globs
  }

  public func contains(_ path: String) -> Bool { globs?.contains { $0.matches(path) } ?? true }

  func contains(_ path: UnsafeRawBufferPointer) -> Bool { globs?.contains { $0.matches(path) } ?? true }

  /// The state of a walk: one automaton state per glob.
  struct State {
    fileprivate var bits: [UInt64]
  }

  var start: State { State(bits: globs?.map(\.start) ?? []) }

  /// Steps to the entry with this name in a folder.
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
