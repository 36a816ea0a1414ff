import Values

/// One finding: the rule, the severity, the place, the problem and the fix.
public struct Diagnostic: Sendable, Hashable {
  /// The stable id of the violated rule, such as `upgrade/newer`.
  public var rule: String
  public var severity: Severity
  /// The place in a file; nil for an object that exists only in the cluster.
  public var location: SourceLocation?
  /// The object that the finding is about; nil if the file could not be read far enough to determine it.
  public var object: ObjectReference?
  /// One sentence that names the objects and values involved. No trailing full stop.
  public var message: String
  /// What to do next. One sentence, no trailing full stop.
  public var hint: String?
  /// Whether the line contains a secret and must not be shown.
  public var concealsSource = false

  public init(
    rule: String, severity: Severity, location: SourceLocation? = nil, object: ObjectReference? = nil,
    message: String, hint: String? = nil
  ) {
    self.rule = rule
    self.severity = severity
    self.location = location
    self.object = object
    self.message = message
    self.hint = hint
  }
}

public enum Severity: String, Sendable, Hashable, CaseIterable, Comparable {
  /// A rule is violated, and only a new commit can fix it.
  case error
  /// A rule does not pass yet; the change is judged again when the cluster's state changes.
  case waiting
  case warning

  /// The most severe is the greatest.
  public static func < (left: Severity, right: Severity) -> Bool { left.rank < right.rank }
  private var rank: Int {
    switch self {
    case .error: 2
    case .waiting: 1
    case .warning: 0
    }
  }
}

/// The identity of an object: kind, namespace and name.
public struct ObjectReference: Sendable, Hashable, Comparable, CustomStringConvertible {
  @ExactString public var kind: String
  @ExactString public var namespace: String
  @ExactString public var name: String

  public init(kind: String, namespace: String, name: String) {
    self.kind = kind
    self.namespace = namespace
    self.name = name
  }

  /// `namespace/name`, for users.
  public var description: String { "\(namespace)/\(name)" }

  public static func < (left: ObjectReference, right: ObjectReference) -> Bool {
    (left._kind, left._namespace, left._name) < (right._kind, right._namespace, right._name)
  }
}

/// A place in a file of the repository. Line and column start at 1; columns count Unicode scalars.
public struct SourceLocation: Sendable, Hashable, Comparable {
  /// The path relative to the repository's root, with `/`.
  @ExactString public var file: String
  public var line: Int
  public var column: Int
  /// The number of columns of the marked text on its line; at least 1.
  public var length: Int

  public init(file: String, line: Int = 1, column: Int = 1, length: Int = 1) {
    self.file = file
    self.line = line
    self.column = column
    self.length = length
  }

  public static func < (left: SourceLocation, right: SourceLocation) -> Bool {
    (left._file, left.line, left.column) < (right._file, right.line, right.column)
  }
}

extension Sequence<Diagnostic> {
  /// Sorted in report order: file, line, column, rule, then message.
  public func inReportOrder() -> [Diagnostic] {
    func key(_ one: Diagnostic) -> (ExactString, Int, Int, String, ExactString) {
      let place = one.location
      return (
        ExactString(place?.file ?? ""), place?.line ?? 0, place?.column ?? 0, one.rule,
        ExactString(one.message)
      )
    }
    return sorted { key($0) < key($1) }
  }
}
