import Diagnostics
import KubeDirector

/// A requirement, with its documentation. A rule has no state: it is a namespace for functions.
public protocol Rule: SendableMetatype {
  static var description: RuleDescription { get }
}

extension Rule {
  /// The stable id, such as `upgrade/newer`.
  public static var id: String { description.id }
}

/// The description of a rule for users and tests. `docs/rules.md` is generated from it.
public struct RuleDescription: Sendable {
  /// The input that a rule needs.
  public enum Scope: String, Sendable {
    /// Needs only files.
    case files = "S"
    /// Needs the live status, or the last one written to git.
    case live = "L"
    /// Needs only files, and is more precise with a status.
    case both = "S/L"
  }

  public var id: String
  public var severity: Severity
  public var scope: Scope
  /// The requirement, in one sentence without a full stop.
  public var summary: String
  /// The reason for the requirement.
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

  /// The anchor of the rule's heading in `docs/rules.md`, in the form that code hosts generate.
  public var anchor: String { id.filter { $0 != "/" } }

  /// The rule without its examples, for reports.
  public var help: RuleHelp {
    RuleHelp(id: id, severity: severity, summary: summary, rationale: rationale)
  }
}

/// A rule that the file reader checks; this module only describes it.
public protocol ReadingRule: Rule {}

/// A rule that the daemon checks, because only the daemon has the input; this module only describes it, without
/// examples.
public protocol DaemonRule: Rule {}

/// A rule about the state of an app.
public protocol AppRule: Rule {
  static func check(_ app: Sourced<App>, in context: RuleContext) -> [Violation]
}

/// A rule about the change or deletion of an existing app.
public protocol AppChangeRule: Rule {
  static func check(_ change: AppChange, in context: RuleContext) -> [Violation]
}

/// A rule about the state of a cluster.
public protocol ClusterRule: Rule {
  /// - Parameter app: The app that the cluster names; nil if it is not registered.
  static func check(_ cluster: Sourced<Cluster>, app: App?, in context: RuleContext) -> [Violation]
}

/// A rule about a change of a cluster that keeps its app.
public protocol ClusterChangeRule: Rule {
  static func check(_ change: ClusterChange, in context: RuleContext) -> [Violation]
}

/// A rule about a cluster that upgrades to another app.
public protocol UpgradeRule: Rule {
  static func check(_ upgrade: UpgradeChange, in context: RuleContext) -> [Violation]
}

/// A rule about a cluster that returns to its previous app, or tries to.
public protocol RollbackRule: Rule {
  static func check(_ rollback: UpgradeChange, in context: RuleContext) -> [Violation]
}
