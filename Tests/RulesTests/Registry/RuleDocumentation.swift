import Diagnostics

@testable import Rules

/// Writes `docs/rules.md` from the rules themselves, and evaluates their examples for it.
enum RuleDocumentation {
  static func text() throws -> String {
    var out = """
      # Rules

      This page is generated from the rules and their examples, so it always matches the program. Every finding carries
      the id of its rule. `S` rules need only files. `L` rules need the status of the live cluster, or the status last
      written to git, which can make a change wait but never reject it. `S/L` rules need only files, and find more with a
      status. The examples change one small repository: two versions of an app, `spark-1.0.0` and `spark-1.1.0`, and the
      cluster `prod/analytics` that runs the first version. Its files are at the end of this page.


      """
    for group in groups {
      out += "- [\(group.title)](#\(group.title.lowercased()))\n"
    }
    for group in groups {
      out += "\n## \(group.title)\n\n| id | severity | needs | what must hold |\n|---|---|---|---|\n"
      for rule in group.rules {
        out += "| [`\(rule.id)`](#\(rule.anchor)) | \(rule.severity.rawValue) | \(rule.scope.rawValue) | "
        out += "\(rule.summary) |\n"
      }
      for rule in group.rules { out += try section(of: rule) }
    }
    out += """

      ### `api/*`

      The API server's answer to the write of an accepted object, by the kind of error. `api/invalid` and similar errors
      reject the change: correct the file. `api/forbidden` makes the change wait, because an administrator can grant the
      permission; it is retried automatically. Temporary errors, such as a conflict or an unreachable server, are retried
      without a report.

      ### `apply/app-pending`

      An accepted change of a cluster needs an app that is in git, but could not be applied yet. The change waits, and is
      applied when the app is in the cluster. If the API server refused the app, the message gives the reason. A rollback
      or a change of metadata waits only for an app that does not exist.

      ### `apply/cluster-pending`

      An app was removed together with a cluster that uses it, and the cluster could not be deleted yet. The app is deleted
      after the cluster.

      """
    out +=
      "\n## The repository that the examples change\n\n`\(Fixture.currentPath)`; `\(Fixture.candidatePath)` is the "
    out += "same with `1.1.0` for `1.0.0`:\n\n```json\n\(Fixture.current)```\n\n"
    out += "`\(Fixture.clusterPath)`:\n\n```yaml\n\(Fixture.cluster)```\n"
    return out
  }

  private static var groups: [(title: String, rules: [RuleDescription])] {
    let titles = [
      ("file", "Files"), ("object/duplicate", "Files"), ("app", "Apps"), ("cluster", "Clusters"),
      ("upgrade", "Upgrades"),
      ("rollback", "Rollbacks"),
    ]
    let all = RuleRegistry.all.filter { !($0 is any DaemonRule.Type) }.map { $0.description }
    let daemons = RuleRegistry.all.filter { $0 is any DaemonRule.Type }.map { $0.description }
    return ["Files", "Apps", "Clusters", "Upgrades", "Rollbacks"].map { title in
      let prefixes = titles.filter { $0.1 == title }.map { $0.0 + "/" }
      return (title, all.filter { rule in prefixes.contains { (rule.id + "/").hasPrefix($0) } })
    } + [("Daemon", daemons)]
  }

  private static func section(of rule: RuleDescription) throws -> String {
    var out = "\n### `\(rule.id)`\n\n\(rule.summary.prefix(1).uppercased() + rule.summary.dropFirst()). "
    out += "\(rule.rationale)\n"
    for example in rule.passing { out += "\nPasses: \(example.title).\n\n" + shown(example) }
    for example in rule.failing {
      out += "\nFails: \(example.title).\n\n" + shown(example)
      for finding in try ExampleRunner.judge(example).findings.filter({ $0.rule == rule.id }).prefix(1) {
        let place = finding.location.map { " \($0.file):\($0.line):\($0.column)" } ?? ""
        out += "\n```\n\(finding.severity.rawValue)[\(finding.rule)]\(place)\n  \(finding.message)\n"
        if let hint = finding.hint { out += "  help: \(hint)\n" }
        out += "```\n"
      }
    }
    return out
  }

  private static func shown(_ example: Example) -> String {
    var out = ""
    if let before = example.before, !before.isEmpty {
      out += "Before:\n\n```diff\n" + before.map(shown).joined() + "```\n\n"
    }
    if example.live != .unknown { out += "The cluster is \(words(example.live)).\n\n" }
    if let policy = example.policy { out += "The daemon allows \(words(policy)).\n\n" }
    if !example.edits.isEmpty { out += "```diff\n" + example.edits.map(shown).joined() + "```\n" }
    return out
  }

  private static func shown(_ edit: Edit) -> String {
    switch edit.action {
    case .remove: "--- \(edit.path)\n"
    case .add(let text): "+++ \(edit.path)\n" + lines(text, "+")
    case .replace(let pairs):
      "  \(edit.path)\n" + pairs.map { lines($0.old, "-") + lines($0.new, "+") }.joined()
    }
  }

  private static func lines(_ text: String, _ mark: String) -> String {
    // Invisible characters are named.
    let visible = text.replacing("\u{FEFF}", with: "<byte order mark>").replacing("\t", with: "<tab>")
      .replacing("\u{0}", with: "<zero byte>")
    var lines = visible.split(separator: "\n", omittingEmptySubsequences: false)
    if lines.last?.isEmpty == true { lines.removeLast() }
    if lines.count > 12 { lines = lines.prefix(8) + ["…"] }
    return lines.map { "\(mark) \($0)\n" }.joined()
  }

  private static func words(_ live: Example.Live) -> String {
    switch live {
    case .unknown: "not known"
    case .creating: "being created"
    case .configured: "configured"
    case .stuck: "changing its members, and new members do not start"
    case .upgrading: "being upgraded from spark-1.0.0 to spark-1.1.0"
    case .stalled: "stalled in its upgrade from spark-1.0.0 to spark-1.1.0"
    case .late: "being upgraded from spark-1.0.0 to spark-1.1.0, and its last worker has the new package"
    case .stalledLate:
      "stalled in its upgrade from spark-1.0.0 to spark-1.1.0, and its last worker has the new package"
    case .rollingBack: "being rolled back from spark-1.1.0 to spark-1.0.0"
    }
  }

  private static func words(_ policy: Policy) -> String {
    let tenancy = policy.tenancy
    let namespaces =
      tenancy.namespaces.contains("*") ? "every namespace" : tenancy.namespaces.joined(separator: ", ")
    let secrets =
      switch tenancy.secretPrefix {
      case .none: "no Secret"
      case .prefix(let prefix): "Secrets that begin with \(prefix)"
      case .any: "every Secret"
      }
    return "\(namespaces), \(secrets) and nothing else that has to be listed"
  }
}
