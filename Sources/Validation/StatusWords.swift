import Diagnostics
import Values

/// Describes the status that a judgement relied on: its commit, its age, and the rules that could not be judged
/// without a status.
public enum StatusWords {
  /// The age in seconds from which a status is reported as old: one day.
  private static let oldFrom = 86_400

  /// - Parameter isServer: Whether statuses are written to this repository, so that nothing is fetched.
  public static func lines(_ validation: Validation, isServer: Bool = false) -> [String] {
    let report = validation.report
    var lines = validation.statusProblems.map { "warning: \($0)" }
    lines += age(of: report.status, validation.statusAge, isServer: isServer)
    if !report.notJudged.isEmpty {
      let rules = report.notJudged.joined(separator: ", ")
      lines.append(
        "not judged without a status of running clusters: \(rules)"
          + (isServer ? "" : remedy(fetchesStatus: validation.fetchesStatus)))
    }
    return lines
  }

  private static func remedy(fetchesStatus: Bool) -> String {
    fetchesStatus
      ? "; `git fetch` fetches the last one that a daemon has written"
      : "; after `kdops hook install`, `git fetch` fetches the last one"
  }

  /// The commit, cluster and age of the status; empty if there was none.
  ///
  /// - Parameters:
  ///   - age: In whole seconds.
  ///   - isServer: Whether statuses are written to this repository.
  public static func age(of status: Report.Status, _ age: Int?, isServer: Bool = false) -> [String] {
    guard let commit = status.commit, let age else { return [] }
    let whose = status.cluster.map { " of \($0)" } ?? ""
    let which =
      "running clusters\(whose) as of \(SecondsText.rough(age)) ago (status \(commit.prefix(7)))"
    guard age >= oldFrom else { return [which] }
    let meaning =
      isServer
      ? "that status is old: nothing has changed since, or no daemon writes it any more"
      : "that status is old: nothing has changed since, or a newer one was not fetched or not written; "
        + "`git fetch` fetches the last one"
    return [which, meaning]
  }
}
