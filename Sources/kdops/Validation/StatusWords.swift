/// What is said of the status that a judgement relied on: which one, how old, and what could not be judged without.
enum StatusWords {
  /// From this age on, in seconds, it is said what an old status means: a day.
  private static let oldFrom = 86_400

  static func lines(_ validation: Validation) -> [String] {
    let report = validation.report
    var lines: [String] = []
    if let commit = report.status.commit, let age = validation.statusAge {
      lines.append("running clusters as of \(ValidationText.duration(age)) ago (status \(commit.prefix(7)))")
      if age >= oldFrom {
        lines.append(
          "that status is old: either nothing has changed since, or a newer one was not fetched or never written; "
            + "`git fetch` brings what there is")
      }
    }
    if !report.notJudged.isEmpty {
      lines.append(
        "not judged without a status of running clusters: \(report.notJudged.joined(separator: ", "))")
    }
    return lines
  }
}
