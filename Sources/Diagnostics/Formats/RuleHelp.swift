/// What a report tells of a rule beside its findings. The rules themselves live elsewhere, and hand this in.
public struct RuleHelp: Sendable, Hashable {
  /// The stable id, such as `upgrade/newer`.
  public var id: String
  /// How bad a finding of it is unless the finding says otherwise.
  public var severity: Severity
  /// What must hold, in one sentence without a full stop.
  public var summary: String
  /// Why it must hold, in whole sentences.
  public var rationale: String

  public init(id: String, severity: Severity, summary: String, rationale: String) {
    self.id = id
    self.severity = severity
    self.summary = summary
    self.rationale = rationale
  }
}
