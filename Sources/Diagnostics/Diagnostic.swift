import Values

/// One finding: which rule, how bad, where, what, and how to mend it.
public struct Diagnostic: Sendable, Hashable {
  /// The stable id of the rule that speaks, such as `upgrade/newer`.
  public var rule: String
  public var severity: Severity
  /// Where it stands; nil when it concerns no file (an object that only the cluster holds).
  public var location: SourceLocation?
  /// The object concerned; nil when a file could not be read far enough to tell.
  public var object: ObjectReference?
  /// One sentence that names the objects and values involved. No trailing full stop.
  public var message: String
  /// What to do next. One sentence, no trailing full stop.
  public var hint: String?
  /// The line concerned holds a secret and is not to be shown.
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
  /// A rule is broken, and only a new commit can mend it.
  case error
  /// A rule does not hold yet; it is judged again when the cluster's state changes.
  case waiting
  case warning

  /// The worst is the greatest.
  public static func < (left: Severity, right: Severity) -> Bool { left.rank < right.rank }
  private var rank: Int {
    switch self {
    case .error: 2
    case .waiting: 1
    case .warning: 0
    }
  }
}

/// Which object a finding is about.
public struct ObjectReference: Sendable, Hashable, Comparable, CustomStringConvertible {
  @ExactString public var kind: String
  @ExactString public var namespace: String
  @ExactString public var name: String

  public init(kind: String, namespace: String, name: String) {
    self.kind = kind
    self.namespace = namespace
    self.name = name
  }

  /// `namespace/name`, as people write it.
  public var description: String { "\(namespace)/\(name)" }

  public static func < (left: ObjectReference, right: ObjectReference) -> Bool {
    (left._kind, left._namespace, left._name) < (right._kind, right._namespace, right._name)
  }
}

/// A place in a file of the repository. Line and column count from 1; columns are Unicode scalars.
public struct SourceLocation: Sendable, Hashable, Comparable {
  /// The path from the repository's root, with `/`.
  @ExactString public var file: String
  public var line: Int
  public var column: Int
  /// How many columns the thing pointed at takes on its line; at least 1.
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
  /// In the order of every report: file, line, column, rule, then message.
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
