import Diagnostics
import KubeDirector

/// One thing that must hold, with its documentation. A rule keeps nothing: it is a name for functions.
public protocol Rule: SendableMetatype {
  static var description: RuleDescription { get }
}

extension Rule {
  /// The stable id, such as `upgrade/newer`.
  public static var id: String { description.id }
}

/// What people and tests know of a rule. `docs/rules.md` is made from it.
public struct RuleDescription: Sendable {
  /// What a rule needs to see.
  public enum Scope: String, Sendable {
    /// Decidable from files alone.
    case files = "S"
    /// Needs the live, or the last written, status.
    case live = "L"
    /// Decidable from files, and sharper with a status.
    case both = "S/L"
  }

  public var id: String
  public var severity: Severity
  public var scope: Scope
  /// What must hold, in one sentence without a full stop.
  public var summary: String
  /// Why it must hold.
  public var rationale: String
  public var passing: [Example]
  public var failing: [Example]

  public init(
    _ id: String, _ severity: Severity = .error, _ scope: Scope = .files, summary: String, rationale: String,
    passing: [Example], failing: [Example]
  ) {
    self.id = id
    self.severity = severity
    self.scope = scope
    self.summary = summary
    self.rationale = rationale
    self.passing = passing
    self.failing = failing
  }

  /// The heading of the rule in `docs/rules.md`, as code hosts make links of headings.
  public var anchor: String { id.filter { $0 != "/" } }

  /// The rule without its examples, as reports carry it.
  public var help: RuleHelp {
    RuleHelp(id: id, severity: severity, summary: summary, rationale: rationale)
  }
}

/// A rule that the reading of files answers for; here it is only described.
public protocol ReadingRule: Rule {}

/// A rule that the daemon answers for, which alone sees what it is about; here it is only described, without examples.
public protocol DaemonRule: Rule {}

/// A rule about an app as it stands.
public protocol AppRule: Rule {
  static func check(_ app: Sourced<App>, in context: RuleContext) -> [Violation]
}

/// A rule about what becomes of an app that was there before.
public protocol AppChangeRule: Rule {
  static func check(_ change: AppChange, in context: RuleContext) -> [Violation]
}

/// A rule about a cluster as it stands.
public protocol ClusterRule: Rule {
  /// - Parameter app: The app that the cluster names; nil where it is not registered.
  static func check(_ cluster: Sourced<Cluster>, app: App?, in context: RuleContext) -> [Violation]
}

/// A rule about a change of a cluster that keeps its app.
public protocol ClusterChangeRule: Rule {
  static func check(_ change: ClusterChange, in context: RuleContext) -> [Violation]
}

/// A rule about a cluster that moves to another app.
public protocol UpgradeRule: Rule {
  static func check(_ upgrade: UpgradeChange, in context: RuleContext) -> [Violation]
}

/// A rule about a cluster that goes back to the app it came from, or tries to.
public protocol RollbackRule: Rule {
  static func check(_ rollback: UpgradeChange, in context: RuleContext) -> [Violation]
}
