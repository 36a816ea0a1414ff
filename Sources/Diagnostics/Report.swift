/// Everything that one validation found out; what every renderer takes.
public struct Report: Sendable, Hashable {
  /// Where the knowledge about running clusters came from.
  public struct Status: Sendable, Hashable {
    public enum Source: String, Sendable, Hashable {
      /// The files last written to git.
      case tree
      /// The cluster itself.
      case cluster
      /// Nowhere; rules that need it were not judged.
      case none
    }

    public var source: Source
    /// The commit that the status speaks of.
    public var commit: String?
    /// The cluster whose status it is, for people; nil where the status does not say.
    public var cluster: String?

    public init(source: Source, commit: String? = nil, cluster: String? = nil) {
      self.source = source
      self.commit = commit
      self.cluster = cluster
    }

    /// Nothing is known about running clusters.
    public static let none = Status(source: .none)
  }

  /// What becomes of one object.
  public struct ObjectVerdict: Sendable, Hashable {
    public var object: ObjectReference
    /// The class of the change, in wire words: `create`, `upgrade`, `none` …
    public var change: String
    /// The verdict, in wire words: `accepted`, `rejected` …
    public var verdict: String

    public init(object: ObjectReference, change: String, verdict: String) {
      self.object = object
      self.change = change
      self.verdict = verdict
    }
  }

  /// The commit that was compared with; nil when a whole tree was judged by itself.
  public var base: String?
  /// The commit that was judged, or `staged`, or `worktree`.
  public var head: String
  public var status: Status
  public var findings: [Diagnostic]
  public var objects: [ObjectVerdict]
  /// The ids of the rules that could not be judged.
  public var notJudged: [String]

  public init(
    base: String? = nil, head: String, status: Status = .none, findings: [Diagnostic] = [],
    objects: [ObjectVerdict] = [], notJudged: [String] = []
  ) {
    self.base = base
    self.head = head
    self.status = status
    self.findings = findings
    self.objects = objects
    self.notJudged = notJudged
  }

  /// How many findings are that bad.
  public func count(_ severity: Severity) -> Int { findings.count { $0.severity == severity } }
}
