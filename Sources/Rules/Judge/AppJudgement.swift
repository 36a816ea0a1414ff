import Diagnostics
import KubeDirector

/// The judgement of one app.
struct AppJudgement {
  var kind: ChangeKind
  var reports: [Report] = []

  /// A rule's violation, without line and column.
  typealias Report = (rule: any Rule.Type, violation: Violation)

  init(_ reference: ObjectReference, old: Sourced<App>?, new: Sourced<App>?, in context: RuleContext) {
    let differences = old.flatMap { old in new.map { AppDifference.between(old.spec, $0.spec) } } ?? []
    kind = Classifier.change(of: old, to: new, differences: differences)
    if kind == .none { return }
    if let new {
      for rule in RuleRegistry.appRules {
        for violation in rule.check(new, in: context) { reports.append((rule, violation)) }
      }
    }
    guard let old else { return }
    let change = AppChange(reference: reference, old: old, new: new, differences: differences)
    for rule in RuleRegistry.appChangeRules {
      for violation in rule.check(change, in: context) { reports.append((rule, violation)) }
    }
  }

  /// The severity that blocks this change; nil if nothing does.
  ///
  /// Warnings block nothing. An app outside the allowed namespaces is ignored here, because its clusters are outside
  /// of them too and have their own findings.
  var worst: Severity? {
    let severities = reports.filter { $0.rule != AppTenancy.self }.map {
      $0.violation.severity ?? $0.rule.description.severity
    }
    return severities.filter { $0 != .warning }.max()
  }
}
