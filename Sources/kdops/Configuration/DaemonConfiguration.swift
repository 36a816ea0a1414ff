import Daemon
import DesiredState
import Diagnostics
import EmbeddedCluster
import Forge
import GitStore
import KubeDirector
import Notifications
import Reconciler
import Reports
import Rules
import Signatures
import Values
import Webhooks

/// The daemon's settings. Only its administrator sets them; users with write access to the repository cannot.
struct DaemonConfiguration: Sendable, Hashable {
  /// The repository's address; nil if it is not set.
  var repo: String?
  var branch: String
  var interval: Duration
  /// The interval between two resyncs.
  var compareInterval: Duration
  var installation: String
  var systemNamespace: String
  var acceptsRewrittenHistory: Bool
  var history: History
  /// Whether a commit's changes are applied all together or not at all.
  var isAtomic: Bool
  /// Whether a stalled upgrade is rolled back if a change to a later app waits for it (auto rollback).
  var fixesForward: Bool
  /// Whether clusters whose files are deleted are pruned.
  var prune: Bool
  /// The refs as configured. For other installations than the default, the installation's name is appended
  /// later.
  var statusRefs: StatusRefs
  /// Nil for no deadline.
  var progressDeadline: Duration?
  /// Whether the daemon reverts a stalled upgrade with a commit of its own (auto revert).
  var revertsStalled: Bool
  var scriptTimeout: Duration
  /// The resource limits of a script on the embedded node.
  var scriptLimits: SandboxLimits
  var tenancy: Tenancy
  /// The defaults for pods and services.
  var pods: PodDefaults
  /// The file of the `configcli` archive; nil for the daemon's own program.
  var configcli: String?
  var configcliDigest: String?
  /// The DNS domain of the Kubernetes cluster.
  var clusterDomain: String
  /// The signatures that commits need.
  var verify: SignaturePolicy
  /// The author of the daemon's own commits.
  var author: CommitAuthor
  /// The private SSH key that signs the daemon's commits to the branch; nil for none.
  var signingKey: String?
  /// The git host that receives commit statuses; nil for none.
  var forge: ForgeSettings?
  /// The listener for webhooks of git hosts; nil for none.
  var webhook: WebhookSettings?
  /// The receivers of notifications.
  var notifications: [NotificationTarget]

  /// - Parameter values: The checked values of all keys.
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
    pods = PodDefaults(
      serviceType: text("pods.serviceType"),
      storageClass: values["pods.storageClass"]?.string.flatMap { $0.isEmpty ? nil : $0 },
      labels: values["pods.labels"]?.strings ?? [:], annotations: values["pods.annotations"]?.strings ?? [:])
    clusterDomain = text("pods.clusterDomain")
    configcli = values["pods.configcli"]?.string.flatMap { $0.isEmpty ? nil : $0 }
    configcliDigest = values["pods.configcliDigest"]?.string
    verify = SignaturePolicy(
      mode: SignaturePolicy.Mode(rawValue: text("verify.mode")) ?? .range,
      allowedSigners: values["verify.allowedSigners"]?.string, keyring: values["verify.keyring"]?.string)
    author = CommitAuthor(text("commits.author")) ?? .standard
    signingKey = values["commits.sshKey"]?.string.flatMap { $0.isEmpty ? nil : $0 }
    if let kind = ForgeSettings.Kind(rawValue: text("forge.kind")) {
      forge = ForgeSettings(
        kind: kind, url: values["forge.url"]?.string, project: text("forge.project"),
        tokenFile: text("forge.tokenFile"),
        context: values["forge.context"]?.string ?? "kdops/\(text("installation"))", branch: text("branch"),
        comments: isOn("forge.comments"))
    }
    notifications = (values["notifications"]?.array ?? []).compactMap {
      try? NotificationTarget(settings: $0)
    }
    if let (host, port) = AdmissionOptions.address(text("webhook.listen")) {
      webhook = WebhookSettings(
        address: host, port: port, secretFile: text("webhook.secretFile"), branch: text("branch"),
        repository: repo.flatMap(Self.repositoryName))
    }
  }

  /// The path of the repository at its git host; nil for a folder, whose path says nothing about the host's names.
  private static func repositoryName(_ repo: String) -> RepositoryName? {
    switch try? GitURL(repo) {
    case .web(_, _, _, _, let path)?: RepositoryName(path: path)
    case .ssh(_, _, _, let path)?: RepositoryName(path: path)
    case .path?, nil: nil
    }
  }

  /// Merges the layers.
  ///
  /// - Parameters:
  ///   - file: The path and content of the `--config` file.
  ///   - flags: The values given on the command line, by key.
  /// - Returns: Nil, and at least one error among the findings, if the configuration is invalid.
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

  /// The daemons of the installation on Kubernetes, unless they run in pods of another namespace.
  var daemon: DaemonSelection {
    DaemonSelection(systemNamespace: systemNamespace, installation: installation)
  }

  var policy: Policy {
    Policy(tenancy: tenancy, systemNamespace: systemNamespace, installation: installation, prune: prune)
  }
}
