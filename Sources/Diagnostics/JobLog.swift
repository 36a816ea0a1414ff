/// Makes text safe for a terminal or the log of a CI job: breaks every command that the terminal or the CI runner
/// would execute.
///
/// Runners read commands from a job's output, and the output of kdops repeats files and script output that a merge
/// request can contain. These are commands:
/// - `::error::…`, `::add-mask::…`, `::stop-commands::…` at the beginning of a line, after blanks (GitHub and Gitea:
///   https://docs.github.com/actions/reference/workflow-commands-for-github-actions);
/// - `##[…]` (GitHub), `##vso[…]` (Azure) and `##teamcity[…]` (TeamCity) anywhere in a line;
/// - `section_start:0:…` and `section_end:0:…` anywhere (GitLab: https://docs.gitlab.com/ci/jobs/job_logs/);
/// - control characters, and the marks that change the order in which text is displayed. Colours are kept only in text
///   that is marked as styled, and only those that kdops itself uses.
///
/// A space breaks a command: users see it, and a runner does not accept the command.
public enum JobLog {
  /// The format of a text, which decides how a command is broken without changing the parsed content.
  public enum Notation: Sendable {
    /// Text for users, without colours: every sequence in it comes from outside.
    case text
    /// Text for users with colours, made of texts that are already visible.
    case styled
    /// Text for a file or another program, such as Markdown. Broken as `text`, but kept in UTF-8 in every locale.
    case document
    /// An escape of one of its characters breaks a command.
    case json
    /// An escape of one of its characters breaks a command, as in `json`.
    case xml
    /// Output that is not changed, because the renderer has already broken commands in text from outside.
    case finished

    /// Whether people read the output as it is.
    var isForPeople: Bool { self == .text || self == .styled }
    /// Whether characters can be replaced without a change of what a program reads.
    fileprivate var isText: Bool { isForPeople || self == .document }
  }

  /// The text without anything that a terminal or a runner would execute.
  public static func inert(_ text: String, _ notation: Notation = .text) -> String {
    guard notation != .finished else { return text }
    var text = text
    let broken = text.withUTF8 { bytes in
      isSuspicious(bytes) ? Breaker(bytes: bytes, notation: notation).broken() : nil
    }
    return broken.map { String(decoding: $0, as: UTF8.self) } ?? text
  }

  /// Whether the text may contain a command. Most texts do not, and are not copied.
  private static func isSuspicious(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    var (last, beforeLast): (UInt8, UInt8) = (0, 0)
    for byte in bytes {
      switch byte {
      case UInt8(ascii: "#"), UInt8(ascii: ":"): if last == byte { return true }
      case 0x80...0x9F where last == 0xC2: return true
      case 0x8E, 0x8F, 0x9C, 0xA6...0xAE:
        if Breaker.isMark(beforeLast, last, byte) { return true }
      case UInt8(ascii: "\n"): break
      case 0..<0x20, 0x7F: return true
      case UInt8(ascii: "_") where last == UInt8(ascii: "n"): return true
      default: break
      }
      (beforeLast, last) = (last, byte)
    }
    return false
  }
}

/// Rewrites text so that a CI system does not take it for a command, in one pass over the bytes. Everything that it
/// searches for is ASCII, except C1 controls and blanks.
private struct Breaker {
  let bytes: UnsafeBufferPointer<UInt8>
  let notation: JobLog.Notation
  private var output: [UInt8] = []
  private var position = 0
  /// Whether only blanks precede this position on its line.
  private var isAtStart = true

  init(bytes: UnsafeBufferPointer<UInt8>, notation: JobLog.Notation) {
    (self.bytes, self.notation) = (bytes, notation)
    output.reserveCapacity(bytes.count + 16)
  }

  consuming func broken() -> [UInt8] {
    while position < bytes.count { step() }
    return output
  }

  private mutating func step() {
    let byte = bytes[position]
    switch byte {
    case UInt8(ascii: "\n"):
      copy(1)
      isAtStart = true
      return
    case UInt8(ascii: ":") where isAtStart && next(1) == byte: separate(1)
    case UInt8(ascii: "#") where next(1) == byte && opensBracket(position + 2): separate(1)
    case UInt8(ascii: "s") where starts(with: "section_"): copySection()
    case 0x1B where notation == .styled && colourLength > 0: return copy(colourLength)
    case 0..<0x20 where byte != UInt8(ascii: "\t"): return copyControl(byte, length: 1)
    case 0x7F: return copyControl(byte, length: 1)
    case 0xC2 where (0x80...0x9F).contains(next(1)): return copyControl(next(1), length: 2)
    case 0xD8 where notation.isText && markLength > 0, 0xE2 where notation.isText && markLength > 0:
      return replaceMark()
    default:
      let blank = blankLength
      if blank > 0 { return copy(blank) }
      copy(1)
    }
    isAtStart = false
  }

  // MARK: Breaking

  /// Copies `count` bytes and adds a separator after them.
  private mutating func separate(_ count: Int) {
    copy(count)
    let byte = bytes[position]
    switch notation {
    case .json: output += Array("\\u00\(String(byte, radix: 16))".utf8)
    case .xml: output += Array("&#\(byte);".utf8)
    case .text, .styled, .document, .finished: output += [UInt8(ascii: " "), byte]
    }
    position += 1
  }

  /// Copies `section_start:123:name`, if it is at the current position.
  private mutating func copySection() {
    for word in ["section_start", "section_end"] where starts(with: word + ":") {
      let length = word.utf8.count
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(next(length + 1)) else { break }
      return separate(length)
    }
    copy(1)
  }

  private mutating func copyControl(_ byte: UInt8, length: Int) {
    // The other formats have already escaped the characters that they do not allow.
    guard notation.isText, let scalar = Unicode.Scalar(UInt32(byte)) else { return copy(length) }
    output += Array(String(Character(TerminalText.standIn(for: scalar))).utf8)
    position += length
  }

  private mutating func replaceMark() {
    output += Array("\u{FFFD}".utf8)
    position += markLength
  }

  // MARK: Matching

  /// Whether a possible runner name followed by a bracket begins here.
  private func opensBracket(_ start: Int) -> Bool {
    var place = start
    while place < bytes.count, place - start < Self.longestName, Self.isNameByte(bytes[place]) { place += 1 }
    return place < bytes.count && bytes[place] == UInt8(ascii: "[")
  }

  private static let longestName = 32

  private static func isNameByte(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) || byte == UInt8(ascii: "-")
      || byte == UInt8(ascii: "_")
  }

  /// The length of a colour sequence at the current position, if it is one that kdops writes; otherwise 0.
  private var colourLength: Int {
    Self.colours.first { bytes[position...].starts(with: $0) }?.count ?? 0
  }

  private static let colours = ["0", "1", "2", "31", "32", "33", "1;31", "1;33", "1;36"].map {
    Array("\u{1B}[\($0)m".utf8)
  }

  /// The length of the mark at the current position that changes the order of displayed text or ends a line; 0 for none.
  private var markLength: Int {
    if Self.isMark(bytes[position], next(1), next(2)) { return 3 }
    return Self.isMark(0, bytes[position], next(1)) ? 2 : 0
  }

  /// Whether the last two or three bytes are such a mark: U+061C, U+200E, U+200F, U+2028 to U+202E, U+2066 to U+2069.
  static func isMark(_ first: UInt8, _ second: UInt8, _ third: UInt8) -> Bool {
    switch (first, second) {
    case (_, 0xD8): third == 0x9C
    case (0xE2, 0x80): third == 0x8E || third == 0x8F || (0xA8...0xAE).contains(third)
    case (0xE2, 0x81): (0xA6...0xA9).contains(third)
    default: false
    }
  }

  /// The length of the blank at the current position, of those that runners trim at the beginning of a line.
  private var blankLength: Int {
    switch (bytes[position], next(1), next(2)) {
    case (UInt8(ascii: " "), _, _), (UInt8(ascii: "\t"), _, _): 1
    case (0xC2, 0xA0, _): 2
    case (0xE1, 0x9A, 0x80), (0xE2, 0x80, 0x80...0x8A), (0xE2, 0x80, 0xA8), (0xE2, 0x80, 0xA9),
      (0xE2, 0x80, 0xAF), (0xE2, 0x81, 0x9F), (0xE3, 0x80, 0x80):
      3
    default: 0
    }
  }

  private func next(_ distance: Int) -> UInt8 {
    position + distance < bytes.count ? bytes[position + distance] : 0
  }

  private func starts(with word: String) -> Bool {
    word.utf8.count <= bytes.count - position && bytes[position...].starts(with: word.utf8)
  }

  private mutating func copy(_ count: Int) {
    output += bytes[position..<position + count]
    position += count
  }
}
