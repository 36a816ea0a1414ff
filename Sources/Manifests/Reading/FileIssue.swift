import Diagnostics

/// The ids of the rules about files themselves.
public enum FileRule {
  public static let syntax = "file/syntax"
  public static let duplicateKey = "file/duplicate-key"
  public static let limit = "file/limit"
  public static let encoding = "file/encoding"
  public static let unknownKind = "file/unknown-kind"
  public static let link = "file/link"
  public static let tree = "file/tree"
}

/// An error in a file, before its place is converted to a line and a column.
struct FileIssue: Error, Hashable {
  /// A place in the parser's own unit; lines are counted only for files with issues.
  enum Place: Hashable {
    case bytes(Range<Int>)
    /// Unicode scalars from the beginning of the file, as libyaml counts.
    case scalars(Range<Int>)
  }

  var rule: String
  var place: Place
  var message: String
  var hint: String?

  func diagnostic(file: String, source: SourceText, object: ObjectReference? = nil) -> Diagnostic {
    let range =
      switch place {
      case .bytes(let range): range
      case .scalars(let range):
        source.byte(ofScalar: range.lowerBound)..<source.byte(ofScalar: range.upperBound)
      }
    return Diagnostic(
      rule: rule, severity: .error,
      location: source.location(file: file, from: range.lowerBound, to: range.upperBound),
      object: object, message: message, hint: hint)
  }
}

extension FileIssue {
  static func tooLarge(_ size: Int, _ limits: ManifestLimits) -> FileIssue {
    FileIssue(
      rule: FileRule.limit, place: .bytes(0..<0),
      message: "the file has \(size) bytes, more than the \(limits.bytes) that are read",
      hint: "split it into several files")
  }
}
