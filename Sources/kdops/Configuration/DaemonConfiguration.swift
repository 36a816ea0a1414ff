import Daemon
import Diagnostics
import EmbeddedCluster
import Forge
import GitStore
import KubeDirector
import Layout
import Reconciler
import Rules
import Signatures
import StatusWriter
import Values

/// What the daemon's administrator decides; nobody who writes the repository can.
struct DaemonConfiguration: Sendable, Hashable {
  /// Where the repository is; nil where nobody has said.
  var repo: String?
  var branch: String
  var interval: Duration
  /// Between two full looks at what lives.
  var compareInterval: Duration
  var installation: String
  var systemNamespace: String
  var acceptsRewrittenHistory: Bool
  var history: History
  /// Whether of what one commit changes all is applied or nothing.
  var isAtomic: Bool
  /// Whether a stalled upgrade is taken back where a later app waits behind it.
  var fixesForward: Bool
  /// Whether clusters whose file is gone are deleted.
  var prune: Bool
  /// As written; an installation other than the default adds its name.
  var statusRefs: StatusRefs
  /// Nil for none.
  var progressDeadline: Duration?
  /// Whether a stalled upgrade is taken back by a commit of the daemon's own.
  var revertsStalled: Bool
  var scriptTimeout: Duration
  /// What a script may use on the embedded node.
  var scriptLimits: SandboxLimits
  var tenancy: Tenancy
  /// Whose signatures commits need.
  var verify: SignaturePolicy
  /// Whose name the daemon's own commits bear.
  var author: CommitAuthor
  /// The private SSH key that signs its commits to the branch; nil for none.
  var signingKey: String?
  /// Where else it is told how commits stand; nil for nowhere.
  var forge: ForgeSettings?

  /// - Parameter values: of every key, checked.
  init(_ values: [String: JSON]) {
    func text(_ key: String) -> String { values[key]?.string ?? "" }
    func texts(_ key: String) -> [String] { values[key]?.array?.compactMap(\.string) ?? [] }
    func duration(_ key: String) -> Duration { Duration(written: text(key)) ?? .zero }
    func isOn(_ key: String) -> Bool { values[key]?.bool ?? false }
    repo = values["repo"]?.string
    branch = text("branch")
    interval = duration("interval")
    compareInterval = duration("compareInterval")
    installation = text("installation")
    systemNamespace = text("systemNamespace")
    acceptsRewrittenHistory = text("onRewrittenHistory") == "accept"
    history = History(rawValue: text("history")) ?? .net
    isAtomic = text("atomic") == "commit"
    fixesForward = isOn("upgrade.fixForward")
    prune = isOn("prune")
    statusRefs = StatusRefs(
      notes: isOn("status.notes") ? values["status.notesRef"]?.string : nil,
      tree: isOn("status.tree") ? values["status.treeRef"]?.string : nil,
      branch: values["status.branch"]?.string.map { "refs/heads/\($0)" })
    progressDeadline =
      duration("upgrade.progressDeadline") == .zero ? nil : duration("upgrade.progressDeadline")
    revertsStalled = text("upgrade.onStall") == "revert-commit"
    scriptTimeout = duration("upgrade.scriptTimeout")
    scriptLimits = SandboxLimits()
    if let memory = Quantity(text("scripts.memory")) { scriptLimits.totalMemory = Int(memory.wholeUnits) }
    if let disk = Quantity(text("scripts.disk")) { scriptLimits.totalDisk = Int(disk.wholeUnits) }
    tenancy = Tenancy(settings: values)
    verify = SignaturePolicy(
      mode: SignaturePolicy.Mode(rawValue: text("verify.mode")) ?? .range,
      allowedSigners: values["verify.allowedSigners"]?.string, keyring: values["verify.keyring"]?.string)
    author = CommitAuthor(text("commits.author")) ?? .standard
    signingKey = values["commits.sshKey"]?.string.flatMap { $0.isEmpty ? nil : $0 }
    if let kind = ForgeSettings.Kind(rawValue: text("forge.kind")) {
      forge = ForgeSettings(
        kind: kind, url: values["forge.url"]?.string, project: text("forge.project"),
        tokenFile: text("forge.tokenFile"),
        context: values["forge.context"]?.string ?? "kdops/\(text("installation"))", branch: text("branch"))
    }
  }

  /// Joins the layers.
  ///
  /// - Parameters:
  ///   - file: the path and content of the `--config` file.
  ///   - flags: what was given on the command line, by key.
  /// - Returns: nil, and at least one error among the findings, where it cannot be used.
  static func read(
    file: (path: String, bytes: [UInt8])? = nil, environment: [String: String] = [:],
    flags: [String: String] = [:]
  ) -> (configuration: DaemonConfiguration?, findings: [Diagnostic]) {
    var reader = ConfigurationReader()
    if let file { reader.read(file: file.path, file.bytes) }
    reader.read(environment: environment)
    reader.read(flags: flags)
    reader.compare()
    let isUsable = !reader.findings.contains { $0.severity == .error }
    return (isUsable ? DaemonConfiguration(reader.values) : nil, reader.findings)
  }

  var policy: Policy {
    Policy(tenancy: tenancy, systemNamespace: systemNamespace, installation: installation, prune: prune)
  }
}
