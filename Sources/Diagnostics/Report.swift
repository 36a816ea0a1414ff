/// The result of one validation, which every renderer takes as input.
public struct Report: Sendable, Hashable {
  /// The source of the information about running clusters.
  public struct Status: Sendable, Hashable {
    public enum Source: String, Sendable, Hashable {
      /// The status tree that was last written to git.
      case tree
      /// The cluster itself.
      case cluster
      /// No source; rules that need it were not judged.
      case none
    }

    public var source: Source
    /// The commit that the status describes.
    public var commit: String?
    /// The cluster whose status it is, for users; nil if the status does not name it.
    public var cluster: String?
    /// The statuses that exist and could not be used, with the reasons, for users.
    public var problems: [String]

    public init(
      source: Source, commit: String? = nil, cluster: String? = nil, problems: [String] = []
    ) {
      self.problems = problems
      self.source = source
      self.commit = commit
      self.cluster = cluster
    }

    /// No information about running clusters.
    public static let none = Status(source: .none)
  }

  /// The result for one object.
  public struct ObjectVerdict: Sendable, Hashable {
    public var object: ObjectReference
    public var change: ChangeKind
    public var verdict: Verdict

    public init(object: ObjectReference, change: ChangeKind, verdict: Verdict) {
      self.object = object
      self.change = change
      self.verdict = verdict
    }
  }

  /// The commit of the baseline; nil if a whole tree was judged without one.
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

  /// The number of findings of that severity.
  public func count(_ severity: Severity) -> Int { findings.count { $0.severity == severity } }
}
