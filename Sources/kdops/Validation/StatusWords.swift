import Diagnostics

/// What is said of the status that a judgement relied on: which one, how old, and what could not be judged without.
enum StatusWords {
  /// From this age on, in seconds, it is said what an old status means: a day.
  private static let oldFrom = 86_400

  static func lines(_ validation: Validation) -> [String] {
    let report = validation.report
    var lines = age(of: report.status, validation.statusAge)
    if !report.notJudged.isEmpty {
      lines.append(
        "not judged without a status of running clusters: \(report.notJudged.joined(separator: ", "))")
    }
    return lines
  }

  /// Which status it was and how old; nothing where there was none.
  ///
  /// - Parameter age: in whole seconds.
  static func age(of status: Report.Status, _ age: Int?) -> [String] {
    guard let commit = status.commit, let age else { return [] }
    let which = "running clusters as of \(ValidationText.duration(age)) ago (status \(commit.prefix(7)))"
    guard age >= oldFrom else { return [which] }
    return [
      which,
      "that status is old: either nothing has changed since, or a newer one was not fetched or never written; "
        + "`git fetch` brings what there is",
    ]
  }
}
