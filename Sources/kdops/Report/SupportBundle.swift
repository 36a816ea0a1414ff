import Diagnostics
import Values

/// The files of a support bundle, without secrets. Pure: the same input gives the same files.
struct SupportBundle: Hashable {
  struct File: Hashable {
    var name: String
    /// The content of the file, for the list that is shown before anything is written.
    var description: String
    var content: String
  }

  /// The data from which the bundle is made.
  struct Input {
    var version: JSON
    /// The values of all settings, by key.
    var settings: [String: JSON]
    var environment: [String: String]
    var checkup: Checkup
    /// The clusters, the daemon and the blocked changes; nil if no cluster is selected.
    var status: JSON?
    /// The last lines of a log; nil if none is named.
    var log: [String]?
  }

  let files: [File]

  init(_ input: Input, filter: SecretFilter) {
    func json(_ json: JSON) -> String { filter.json(json).text(pretty: true) + "\n" }
    var files = [
      File(
        name: "version.json", description: "kdops' version, the commit of its build, libgit2's version",
        content: json(input.version)),
      File(
        name: "configuration.json",
        description:
          "the daemon's settings, and the variables KDOPS_…; secrets, labels, annotations: only names",
        content: json(Self.configuration(input.settings, input.environment))),
      File(
        name: "doctor.json", description: "the output of kdops doctor, with the repository's address",
        content: json(input.checkup.json)),
    ]
    if let status = input.status {
      files.append(
        File(
          name: "status.json",
          description:
            "the names and statuses of clusters, the daemon's state, blocked changes; no specs, no output",
          content: filter.json(status, without: Self.output).text(pretty: true) + "\n"))
    }
    if let log = input.log {
      let lines = filter.lines(log)
      files.append(
        File(
          name: "log.txt",
          description: "the last \(lines.count == 1 ? "line" : "\(lines.count) lines") of the named log",
          content: lines.map { $0 + "\n" }.joined()))
    }
    self.files = files
  }

  /// The data that is written and the data that is left out, for the user to agree to.
  var contents: [String] {
    let column = (files.map { $0.name.count }.max() ?? 0) + 2
    return files.map {
      "  \($0.name)" + String(repeating: " ", count: column - $0.name.count) + $0.description
    } + [
      "Left out: credentials and keys, specs of apps and clusters, output of scripts, files of the repository.",
      "It names your repository, clusters, hosts and folders: read it before you share it.",
    ]
  }

  /// The members of a status that contain the output of scripts, which may print anything.
  private static let output: Set<String> = ["lastStdout", "lastStderr", "configErrorDetail", "trouble"]

  /// The variables besides those of settings that contain no secret.
  private static let plainVariables: Set<String> = [
    "KDOPS_CONFIG", "KDOPS_LOG_LEVEL", "KDOPS_LOG_FORMAT", "KDOPS_EMBEDDED", "KDOPS_KUBECONFIG",
    "KDOPS_CONTEXT", "KDOPS_DATA", "KDOPS_TAKE_OVER_STATUS", "KDOPS_MAX_VALUES", "KDOPS_GIT_KNOWN_HOSTS",
    "KDOPS_GIT_TOKEN_FILE", "KDOPS_GIT_PASSWORD_FILE", "KDOPS_GIT_SSH_KEY_FILE",
    "KDOPS_GIT_SSH_PASSPHRASE_FILE",
  ]

  private static func configuration(_ settings: [String: JSON], _ environment: [String: String]) -> JSON {
    var values: JSON = [:]
    for setting in Setting.all {
      values[setting.key] = settings[setting.key].map { shown($0, setting) }
    }
    let byVariable = Dictionary(Setting.all.map { ($0.variable, $0) }) { first, _ in first }
    var variables: JSON = [:]
    for (name, value) in environment.sorted(by: { $0.key < $1.key }) where name.hasPrefix("KDOPS_") {
      // An unknown variable may be a misspelt credential.
      variables[name] =
        if let setting = byVariable[name] {
          shown(.string(value), setting)
        } else {
          .string(plainVariables.contains(name) ? value : Redaction.mark)
        }
    }
    return ["schemaVersion": 1, "settings": values, "environment": variables]
  }

  /// The value of a setting; of labels and annotations only the keys, because their values may be anything, and of the
  /// targets of notifications only the names, because their addresses may be secrets.
  private static func shown(_ value: JSON, _ setting: Setting) -> JSON {
    if case .targets = setting.kind {
      let targets = value.string.map { setting.value(text: $0) } ?? value
      return .array((targets?.array ?? []).map { JSON($0["name"]?.string ?? Redaction.mark) })
    }
    guard case .pairs = setting.kind else { return value }
    let pairs = value.string.map { setting.value(text: $0) } ?? value
    guard case .object(let members)? = pairs else { return .string(Redaction.mark) }
    return .array(members.map(\.key).sorted().map(JSON.string))
  }
}
