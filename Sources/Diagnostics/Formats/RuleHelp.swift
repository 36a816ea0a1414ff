/// The description of a rule for reports. The rules are in another module, which passes this in.
public struct RuleHelp: Sendable, Hashable {
  /// The stable id, such as `upgrade/newer`.
  public var id: String
  /// The severity of a finding unless the finding sets its own.
  public var severity: Severity
  /// The requirement, in one sentence without a full stop.
  public var summary: String
  /// The reason for the requirement, in complete sentences.
  public var rationale: String

  public init(id: String, severity: Severity, summary: String, rationale: String) {
    self.id = id
    self.severity = severity
    self.summary = summary
    self.rationale = rationale
  }
}
