import CLibyaml
import Diagnostics

/// Converts libyaml's errors to messages that say what to do.
enum YAMLProblem {
  static let outOfMemory = FileIssue(
    rule: FileRule.limit, place: .bytes(0..<0), message: "there is not enough memory to read the file",
    hint: "split it into several files, or give the process more memory")

  static func issue(of parser: yaml_parser_t) -> FileIssue {
    switch parser.error {
    case YAML_MEMORY_ERROR:
      return outOfMemory
    case YAML_READER_ERROR:
      let offset = parser.problem_offset
      return FileIssue(
        rule: FileRule.encoding, place: .bytes(offset..<offset + 1),
        message: "the file holds a character that YAML does not allow",
        hint: "remove it, or escape it in double quotes")
    default:
      let problem = parser.problem.map { String(cString: $0) } ?? "it cannot be read"
      let index = parser.problem_mark.index
      return FileIssue(
        rule: FileRule.syntax, place: .scalars(index..<index + 1),
        message: "the file is not valid YAML: \(words[problem]?.message ?? problem)\(context(of: parser))",
        hint: words[problem]?.hint)
    }
  }

  private static func context(of parser: yaml_parser_t) -> String {
    guard let context = parser.context, parser.context_mark.line != parser.problem_mark.line else {
      return ""
    }
    return ", \(String(cString: context)) that begins on line \(parser.context_mark.line + 1)"
  }

  /// The most common errors, by libyaml's text.
  private static let words: [String: (message: String, hint: String)] = [
    "mapping values are not allowed in this context": (
      "a colon stands where no key can be",
      "quote a value that contains a colon and a space, or correct the indentation"
    ),
    "did not find expected key": ("a key is expected here", "line this up with the keys above it"),
    "could not find expected ':'": ("a key without a colon", "write a colon and a space after the key"),
    "did not find expected '-' indicator": ("a list item is expected here", "line the dashes of a list up"),
    "block sequence entries are not allowed in this context": (
      "a list item stands where none can be", "begin the list on a line of its own"
    ),
    "found unexpected end of stream": ("the file ends inside quotes", "close the quotes"),
    "did not find expected ',' or ']'": (
      "a comma or ] is expected here", "write a comma between two items, and ] after the last"
    ),
    "did not find expected ',' or '}'": (
      "a comma or } is expected here", "write a comma between two members, and } after the last"
    ),
    "did not find expected node content": (
      "a value is expected here", "write the value, or remove what needs it"
    ),
    "did not find expected <document start>": (
      "text follows the end of a document", "line it up with the lines above, or write --- before it"
    ),
    "found unexpected document indicator": (
      "a document begins or ends inside quotes", "close the quotes before it"
    ),
    "mapping keys are not allowed in this context": (
      "a key stands where none can be", "begin the keys on a line of their own"
    ),
    "found undefined tag handle": (
      "the prefix of a tag is not declared", "remove the tag, or quote a value with !"
    ),
    "did not find expected whitespace or line break": (
      "a space is expected after a tag", "quote a value that begins with !"
    ),
    "did not find expected alphabetic or numeric character": (
      "an anchor or alias has no name", "quote a value that begins with & or *"
    ),
    "found a tab character where an indentation space is expected": (
      "a tab indents this line, and YAML allows only spaces there", "replace the tab with spaces"
    ),
    "found invalid Unicode character escape code": (
      "an escape is no Unicode character", "correct the number after the backslash"
    ),
    "did not find expected hexdecimal number": (
      "an escape lacks digits", "write all digits, or double the backslash"
    ),
    "found character that cannot start any token": (
      "a value cannot begin with this character", "put quotes around the value"
    ),
    "found unknown escape character": (
      "a backslash in double quotes is followed by a character it does not go with",
      "double the backslash, or use single quotes"
    ),
  ]

  /// Explains the issue as a tab if its line is indented with one; otherwise returns it unchanged.
  static func explained(_ issue: FileIssue, in source: SourceText) -> FileIssue {
    guard issue.rule == FileRule.syntax, case .scalars(let place) = issue.place else { return issue }
    let offset = source.byte(ofScalar: place.lowerBound)
    guard let line = source.line(source.position(ofByte: offset).line) else { return issue }
    let indentation = line.utf8.prefix { $0 == 0x20 || $0 == 0x09 }
    guard let tab = indentation.firstIndex(of: 0x09) else { return issue }
    let start = source.startOfLine(holding: offset) + line.utf8.distance(from: line.startIndex, to: tab)
    return FileIssue(
      rule: FileRule.syntax, place: .bytes(start..<start + 1),
      message: "a tab indents this line, and YAML allows only spaces there",
      hint: "replace the tab with spaces")
  }
}
