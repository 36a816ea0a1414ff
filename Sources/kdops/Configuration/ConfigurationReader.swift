import Daemon
import DesiredState
import Diagnostics
import Forge
import Manifests
import Notifications
import Values

/// Merges the settings of the configuration file, the environment and the command line: flags override the
/// environment, which overrides the file. It collects all problems with their places instead of stopping at
/// the first.
struct ConfigurationReader {
  static let rule = "configuration"

  private(set) var values: [String: JSON]
  private(set) var findings: [Diagnostic] = []

  init() { values = Setting.byKey.mapValues(\.standard) }

  // MARK: The file

  mutating func read(file path: String, _ bytes: [UInt8]) {
    var file = SettingsFile(path: path, bytes: bytes)
    if let json = file.json {
      if let members = json.object {
        read(members, at: .root, prefix: "", &file)
      } else {
        file.report(Self.rule, at: .root, "\(path) must contain settings, not \(json.typeName)")
      }
    }
    findings += file.findings
  }

  private mutating func read(
    _ members: JSON.Members, at parent: FieldPath, prefix: String, _ file: inout SettingsFile
  ) {
    for (name, value) in members {
      let (key, place) = (prefix + name, parent.appending(.key(name)))
      if key == "schemaVersion" {
        guard value.integer != 1 else { continue }
        file.report(
          Self.rule, at: place, "this version reads schemaVersion 1", hint: "write schemaVersion: 1")
      } else if let setting = Setting.byKey[key] {
        guard let known = setting.value(value) else {
          file.report(Self.rule, at: place, "\(key) must be \(setting.expectation)")
          continue
        }
        if let refusal = Self.refusal(setting, known) {
          file.report(Self.rule, at: place, refusal.message, hint: refusal.hint)
          continue
        }
        values[key] = known
      } else if Setting.all.contains(where: { $0.key.hasPrefix(key + ".") }) {
        if let members = value.object {
          read(members, at: place, prefix: key + ".", &file)
        } else {
          file.report(Self.rule, at: place, "\(key) must contain settings, not \(value.typeName)")
        }
      } else {
        file.report(
          Self.rule, at: place, of: .key, "\(key) is not a setting", hint: Self.hint(key, prefix: prefix))
      }
    }
  }

  private static func hint(_ key: String, prefix: String) -> String {
    let known = Setting.all.map(\.key).filter { $0.hasPrefix(prefix) }.map { name in
      prefix + name.dropFirst(prefix.count).prefix { $0 != "." }
    }
    if let near = NearMiss.suggestion(for: key, among: known) { return "did you mean `\(near)`?" }
    return "known here: \(Set(known).sorted().joined(separator: ", "))"
  }

  // MARK: Environment and flags

  /// Variables that are read elsewhere, or by kdops' own tests and builds.
  private static let otherVariables: Set<String> = [
    "KDOPS_CONFIG", "KDOPS_LOG_LEVEL", "KDOPS_LOG_FORMAT", "KDOPS_EMBEDDED", "KDOPS_KUBECONFIG",
    "KDOPS_CONTEXT", "KDOPS_DATA", "KDOPS_TAKE_OVER_STATUS", "KDOPS_RECORD", "KDOPS_STRICT",
    ManifestLimits.valuesVariable,
  ]

  mutating func read(environment: [String: String]) {
    let settings = Dictionary(uniqueKeysWithValues: Setting.all.map { ($0.variable, $0) })
    if let text = environment[ManifestLimits.valuesVariable], ManifestLimits.values(text) == nil {
      report(.error, "\(ManifestLimits.valuesVariable)=\(text) is not a number from 1 to 1000000000", nil)
    }
    for (name, text) in environment.sorted(by: { $0.key < $1.key }) where name.hasPrefix("KDOPS_") {
      if let setting = settings[name] {
        take(setting, text, from: name)
      } else if !Self.otherVariables.contains(name), !name.hasPrefix("KDOPS_GIT_") {
        let near = NearMiss.suggestion(for: name, among: settings.keys.sorted())
        report(
          .warning, "the environment variable \(name) is not a setting", near.map { "did you mean \($0)?" })
      }
    }
  }

  /// - Parameter flags: The values given on the command line, by key.
  mutating func read(flags: [String: String]) {
    for (key, text) in flags.sorted(by: { $0.key < $1.key }) {
      if let setting = Setting.byKey[key] { take(setting, text, from: "--\(key)") }
    }
  }

  // MARK: Combinations of settings

  /// Finds invalid combinations of settings, even if the settings come from different layers.
  mutating func compare() {
    func text(_ key: String) -> String? { values[key]?.string }
    if text("upgrade.onStall") == "revert-commit",
      text("upgrade.progressDeadline").flatMap({ Duration(written: $0) }) ?? .zero == .zero
    {
      report(
        .error, "upgrade.onStall: revert-commit needs a deadline, and upgrade.progressDeadline is 0s",
        "set the time limit of a step, such as upgrade.progressDeadline: 20m")
    }
    let keys = ["verify.allowedSigners", "verify.keyring"]
    if text("verify.mode") != "none", keys.allSatisfy({ text($0) ?? "" == "" }) {
      report(
        .error, "verify.mode: \(text("verify.mode") ?? "") requires signatures, and no signer is allowed",
        "name a file of keys: verify.allowedSigners for SSH, verify.keyring for OpenPGP")
    }
    if CommitAuthor(text("commits.author") ?? "") == nil {
      report(
        .error, "commits.author must be a name and an address, not \(text("commits.author") ?? "")",
        "write \"kdops <kdops@git.example>\"")
    }
    for key in keys + ["commits.sshKey"] {
      guard let file = text(key), !file.hasPrefix("/") else { continue }
      report(
        .error, "\(key) must be an absolute path, not \(file)",
        "write /etc/kdops/\(key.split(separator: ".")[1])")
    }
    compareForge()
    compareWebhook()
    compareNotifications()
  }

  private mutating func compareWebhook() {
    guard let listen = values["webhook.listen"]?.string, !listen.isEmpty else { return }
    if AdmissionOptions.address(listen) == nil {
      report(.error, "webhook.listen must be HOST:PORT, not \(listen)", "write \"0.0.0.0:9292\"")
    }
    guard let file = values["webhook.secretFile"]?.string, file.hasPrefix("/") else {
      report(
        .error, "webhook.secretFile must be the absolute path of a file",
        "write a random text of at least 16 characters into a file, name it here, and set it at the forge")
      return
    }
  }

  private mutating func compareNotifications() {
    let targets = values["notifications"]?.array ?? []
    if targets.count > NotificationTarget.limit {
      report(.error, "notifications must list at most \(NotificationTarget.limit) targets", nil)
    }
    var names: Set<String> = []
    for (index, settings) in targets.enumerated() {
      do throws(NotificationTarget.Problem) {
        let target = try NotificationTarget(settings: settings)
        if !names.insert(target.name).inserted {
          report(.error, "notifications[\(index)].name: \(target.name) is the name of two targets", nil)
        }
      } catch {
        let place = "notifications[\(index)]" + (error.key.map { ".\($0)" } ?? "")
        report(.error, "\(place) \(error.words)", nil)
      }
    }
  }

  private mutating func compareForge() {
    guard let kind = values["forge.kind"]?.string.flatMap(ForgeSettings.Kind.init) else { return }
    if let url = values["forge.url"]?.string, let problem = ForgeSettings.problem(url: url) {
      report(
        .error, "forge.url \(problem)",
        kind == .gitlab ? "write https://gitlab.example" : "write https://api.github.com")
    }
    if let problem = ForgeSettings.problem(project: values["forge.project"]?.string ?? "", kind) {
      report(.error, "forge.project \(problem)", nil)
    }
    if values["forge.tokenFile"]?.string ?? "" == "" {
      report(
        .error, "forge.tokenFile is missing", "name a file that contains an access token and nothing else")
    }
    if let context = values["forge.context"]?.string, !(1...100).contains(context.count) {
      report(.error, "forge.context must be 1 to 100 characters long", nil)
    }
  }

  /// Reports that the settings file cannot be read.
  mutating func report(unreadable error: ConfigurationFile.Unreadable) {
    report(.error, "the settings file \(error.path) cannot be read", "check the path and who may read it")
  }

  private mutating func take(_ setting: Setting, _ text: String, from source: String) {
    guard let value = setting.value(text: text) else {
      return report(.error, "\(source) must be \(setting.expectation)", nil)
    }
    if let refusal = Self.refusal(setting, value) { return report(.error, refusal.message, refusal.hint) }
    values[setting.key] = value
  }

  private static func refusal(_ setting: Setting, _ value: JSON) -> (message: String, hint: String)? {
    guard !setting.isSupported, value != setting.standard else { return nil }
    return (
      "\(setting.key) is not yet supported in this version with any other value than its default",
      "leave it out, or write \(setting.standard.text())"
    )
  }

  private mutating func report(_ severity: Severity, _ message: String, _ hint: String?) {
    findings.append(Diagnostic(rule: Self.rule, severity: severity, message: message, hint: hint))
  }
}
