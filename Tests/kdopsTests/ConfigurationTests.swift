import Daemon
import Diagnostics
import FoundationEssentials
import GitStore
import KubeDirector
import Notifications
import Reports
import Signatures
import TestSupport
import Testing
import Webhooks

@testable import kdops

@Suite("The daemon's configuration")
struct ConfigurationTests {
  private func read(
    _ yaml: String = "", environment: [String: String] = [:], flags: [String: String] = [:]
  ) -> (configuration: DaemonConfiguration?, findings: [Diagnostic]) {
    DaemonConfiguration.read(
      file: yaml.isEmpty ? nil : ("kdops.yaml", Array(yaml.utf8)), environment: environment, flags: flags)
  }

  @Test("without any settings equals the documented defaults")
  func defaults() throws {
    let configuration = try #require(read().configuration)
    #expect(configuration.repo == nil)
    #expect(configuration.branch == "main")
    #expect(configuration.interval == .seconds(60))
    #expect(configuration.compareInterval == .seconds(1800))
    #expect(configuration.installation == "default")
    #expect(configuration.systemNamespace == "kdops-system")
    #expect(!configuration.acceptsRewrittenHistory)
    #expect(configuration.statusRefs == StatusRefs(notes: "refs/notes/kdops", tree: "refs/kdops/status"))
    #expect(configuration.progressDeadline == nil)
    #expect(configuration.scriptTimeout == .seconds(600))
    #expect(configuration.scriptLimits.totalMemory == 2 << 30)
    #expect(configuration.scriptLimits.totalDisk == 4 << 30)
    #expect(configuration.tenancy.namespaces == ["*"])
    #expect(configuration.tenancy.capabilities.isEmpty)
  }

  @Test("accepts every documented key with its default")
  func documented() throws {
    let yaml = """
      schemaVersion: 1
      repo: https://git.example/fleet.git
      branch: main
      interval: 1m
      installation: default
      systemNamespace: kdops-system
      history: net
      atomic: object
      prune: false
      onRewrittenHistory: hold
      status: {notes: true, notesRef: refs/notes/kdops, tree: true, treeRef: refs/kdops/status, branch: null}
      upgrade: {progressDeadline: 0s, onStall: report, fixForward: false, scriptTimeout: 10m}
      scripts: {memory: 2Gi, disk: 4Gi}
      pods:
        {serviceType: ClusterIP, storageClass: null, clusterDomain: cluster.local, labels: {}, annotations: {},
         configcli: null, configcliDigest: null}
      tenancy:
        {namespaces: ["*"], serviceAccounts: [], capabilities: [], secretPrefix: "", configMapPrefix: "",
         claimPrefix: "", fileSources: [], affinityNamespaces: [], serviceTypes: [ClusterIP], podLabels: [app.kubernetes.io/*],
         podAnnotations: [app.kubernetes.io/*, checksum/*, prometheus.io/*],
         serviceLabels: [app.kubernetes.io/*],
         serviceAnnotations: [app.kubernetes.io/*, prometheus.io/*]}
      verify: {mode: none, allowedSigners: null, keyring: null}
      forge: {kind: none, url: null, project: null, tokenFile: null, context: null, comments: false}
      webhook: {listen: null, secretFile: null}
      notifications: []
      dashboard: {listen: "127.0.0.1:8080", hosts: [localhost], tokenFile: null}
      """
    let (configuration, findings) = read(yaml)
    #expect(findings.isEmpty)
    var expected = try #require(read().configuration)
    expected.repo = "https://git.example/fleet.git"
    #expect(configuration == expected)
  }

  @Test("reads the settings for signatures and stalls")
  func trust() throws {
    let yaml = """
      verify: {mode: range, allowedSigners: /etc/kdops/signers}
      upgrade: {progressDeadline: 20m, onStall: revert-commit}
      """
    let configuration = try #require(read(yaml).configuration)
    #expect(configuration.verify == SignaturePolicy(mode: .range, allowedSigners: "/etc/kdops/signers"))
    #expect(configuration.revertsStalled)
    let findings = read("verify: {mode: range}").findings
    #expect(findings.first?.message == "verify.mode: range requires signatures, and no signer is allowed")
  }

  @Test("reads the archive of configcli when the daemon starts, and says what is wrong with it")
  func configcli() throws {
    let folder = try TemporaryFolder()
    let path = "\(folder.path)/configcli.tgz"
    let digest = "sha256:\(String(repeating: "a", count: 64))"
    let configuration = try #require(
      read("pods: {configcli: \(path), configcliDigest: \"\(digest)\"}").configuration)
    func load(_ digest: String?) throws -> ConfigCLI {
      try ConfigCLIArchive.read(configuration.configcli, digest: digest)
    }
    func reason(_ digest: String? = nil) -> String {
      do { return "\(try load(digest))" } catch { return "\(error)" }
    }
    #expect(try ConfigCLIArchive.read(nil, digest: nil) == .own)
    #expect(reason().hasPrefix("pods.configcli: \(path) cannot be read"))
    try Data([1, 2, 3]).write(to: URL(filePath: path))
    #expect(reason().hasPrefix("pods.configcli: \(path) is not a gzipped tar archive"))
    let archive: [UInt8] = [0x1F, 0x8B, 0x08, 0]
    try Data(archive).write(to: URL(filePath: path))
    #expect(try load(nil) == .archive(archive))
    #expect(reason(configuration.configcliDigest).contains("instead of \(digest)"))
    #expect(read("pods: {configcliDigest: 12ab}").findings.first?.message.contains("sha256:") == true)
  }

  @Test("reads the defaults for pods from the file and from variables")
  func pods() throws {
    let yaml = """
      pods:
        serviceType: LoadBalancer
        storageClass: fast
        clusterDomain: corp.example
        labels: {team: data}
      """
    let configuration = try #require(
      read(yaml, environment: ["KDOPS_PODS_ANNOTATIONS": "a.example/x=1, b=two=2"]).configuration)
    #expect(
      configuration.pods
        == PodDefaults(
          serviceType: "LoadBalancer", storageClass: "fast", labels: ["team": "data"],
          annotations: ["a.example/x": "1", "b": "two=2"]))
    #expect(configuration.clusterDomain == "corp.example")
    for wrong in [
      "pods: {serviceType: ExternalName}", "pods: {clusterDomain: '-'}", "pods: {labels: {a: 1}}",
      "pods: {labels: {kubedirector.hpe.com/role: db}}",
    ] {
      #expect(read(wrong).configuration == nil, "\(wrong)")
    }
    #expect(read(environment: ["KDOPS_PODS_LABELS": "team"]).configuration == nil)
  }

  @Test("status at the forge is reported under the installation's name")
  func forge() throws {
    let yaml = """
      installation: blue
      forge: {kind: gitlab, url: "https://git.example/", project: team/fleet, tokenFile: /run/token}
      """
    let forge = try #require(read(yaml).configuration?.forge)
    #expect(forge.url == "https://git.example/api/v4")
    #expect(forge.context == "kdops/blue")
    #expect(read().configuration?.forge == nil)
  }

  @Test("a flag overrides the environment, and the environment the file")
  func layers() {
    let yaml = "branch: file\ninterval: 3s\nsystemNamespace: file"
    let environment = [
      "KDOPS_BRANCH": "environment", "KDOPS_INTERVAL": "2s", "KDOPS_STATUS_NOTES_REF": "refs/notes/x",
    ]
    let configuration = read(yaml, environment: environment, flags: ["branch": "flag"]).configuration
    #expect(configuration?.branch == "flag")
    #expect(configuration?.interval == .seconds(2))
    #expect(configuration?.systemNamespace == "file")
    #expect(configuration?.statusRefs.notes == "refs/notes/x")
  }

  @Test("an unknown key is an error with its position and a suggestion")
  func unknown() throws {
    let (configuration, findings) = read("branch: main\nstatus:\n  noteRef: refs/notes/x\n")
    #expect(configuration == nil)
    let finding = try #require(findings.first)
    #expect(finding.location == SourceLocation(file: "kdops.yaml", line: 3, column: 3, length: 7))
    #expect(finding.message == "status.noteRef is not a setting")
    #expect(finding.hint == "did you mean `status.notesRef`?")
  }

  @Test("an unknown variable is a warning")
  func unknownVariable() {
    let (configuration, findings) = read(environment: [
      "KDOPS_BRANCHE": "x", "KDOPS_GIT_TOKEN": "y", "PATH": "z",
    ])
    #expect(configuration?.branch == "main")
    #expect(findings.map(\.severity) == [.warning])
    #expect(findings.first?.hint == "did you mean KDOPS_BRANCH?")
  }

  @Test(
    "an invalid value of a key is an error",
    arguments: [
      "interval: 10", "interval: 10 s", "interval: -1s", "interval: 0s", "interval: 99ms", "branch: ''",
      "branch: 7", "prune: maybe",
      "onRewrittenHistory: forget", "installation: Blue Team", "installation: -x",
      "tenancy: {namespaces: prod}", "tenancy: {podLabels: [\"*.example/x\"]}",
      "tenancy: {serviceAnnotations: [\"\"]}",
      "scripts: {memory: 1Mi}", "scripts: {disk: much}", "scripts: {disk: 4}",
      "tenancy: []", "status: true", "status: {notesRef: refs/heads/main}", "status: {treeRef: refs/tags/x}",
      "status: {notesRef: refs/notes/a..b}", "status: {branch: main}", "schemaVersion: 2", "[]", "- a", "7",
      "a: b: c", "\tx: y", "branch: main\nbranch: other", "verify: {mode: head}",
      "verify: {mode: range, keyring: ''}", "verify: {mode: range, keyring: keys.asc}",
      "forge: {kind: gitlab}", "forge: {kind: github, project: fleet, tokenFile: /t}",
      "forge: {kind: gitlab, project: a/b, tokenFile: /t, url: \"http://gitlab.example\"}",
      "upgrade: {onStall: revert-commit}", "upgrade: {onStall: revert-commit, progressDeadline: 0s}",
      "webhook: {listen: \"0.0.0.0:9000\"}", "webhook: {listen: \"9000\", secretFile: /s}",
      "webhook: {listen: \"0.0.0.0:9000\", secretFile: s}", "notifications: {name: ops}",
      "notifications: [ops]", "notifications: [{name: ops, kind: slack}]",
      "notifications: [{name: a, kind: slack, urlFile: /a}, {name: a, kind: slack, urlFile: /b}]",
    ])
  func wrong(_ yaml: String) {
    let (configuration, findings) = read(yaml)
    #expect(configuration == nil)
    #expect(findings.contains { $0.severity == .error })
  }

  @Test(
    "a key of a later version is refused with any other value than its default, never ignored",
    arguments: [
      "dashboard: {listen: \"0.0.0.0:80\"}",
      "dashboard: {tokenFile: /x}",
    ])
  func notYet(_ yaml: String) throws {
    let (configuration, findings) = read(yaml)
    #expect(configuration == nil)
    #expect(try #require(findings.first).message.contains("is not yet supported in this version"))
  }

  @Test("the listener for webhooks knows the branch and the repository's name at its forge")
  func webhooks() throws {
    let yaml = """
      repo: ssh://git@git.example/team/fleet.git
      branch: prod
      webhook: {listen: "127.0.0.1:9292", secretFile: /run/secrets/webhook}
      """
    let expected = WebhookSettings(
      address: "127.0.0.1", port: 9292, secretFile: "/run/secrets/webhook", branch: "prod",
      repository: RepositoryName(path: "/team/fleet.git"))
    #expect(read(yaml).configuration?.webhook == expected)
    #expect(read().configuration?.webhook == nil)
  }

  @Test("the targets of notifications are passed on to the daemon, from the file and from the environment")
  func notifications() throws {
    let yaml = "notifications: [{name: ops, kind: slack, urlFile: /run/secrets/slack, on: [stalled]}]"
    let configuration = try #require(read(yaml).configuration)
    let options = try Daemon.Options(configuration, repo: "/r", folder: "/f", environment: [:])
    #expect(options.notifications.map(\.name) == ["ops"])
    let variable = #"[{"name": "ops", "kind": "slack", "urlFile": "/run/secrets/slack", "on": ["stalled"]}]"#
    let (second, _) = DaemonConfiguration.read(environment: ["KDOPS_NOTIFICATIONS": variable])
    #expect(second?.notifications == configuration.notifications)
    let wrong = read("notifications: [{name: ops, kind: slack, url: \"https://x.example\"}]").findings
    #expect(wrong.first?.message.hasPrefix("notifications[0].url is a secret") == true)
  }

  @Test("atomic, stepwise, pruning and fix-forward settings are passed on to the daemon")
  func reconciling() throws {
    let yaml = "history: stepwise\natomic: commit\nprune: true\nupgrade: {fixForward: true}"
    let configuration = try #require(read(yaml).configuration)
    #expect(configuration.policy.prune)
    let options = try Daemon.Options(configuration, repo: "/r", folder: "/f", environment: [:])
    let settings = options.reconciler
    #expect(
      settings.history == .stepwise && settings.isAtomic && settings.fixesForward && settings.policy.prune)
  }

  @Test(
    "every key is in docs/configuration.md, with its variable and its default", arguments: Setting.all)
  func page(_ setting: Setting) throws {
    let page = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "docs/configuration.md")
    // An item may be wrapped.
    let text = try String(contentsOf: page, encoding: .utf8).replacing("\n  ", with: " ")
    let item = "\n- `\(setting.key)` (`\(setting.variable)`, default `\(setting.standard.text())`)"
    #expect(text.contains(item), "\(item)")
  }

  @Test("a variable that locates the daemon is no unknown setting")
  func places() {
    let names = ["KDOPS_EMBEDDED", "KDOPS_KUBECONFIG", "KDOPS_CONTEXT", "KDOPS_DATA", "KDOPS_GIT_TOKEN_FILE"]
    #expect(read(environment: Dictionary(uniqueKeysWithValues: names.map { ($0, "x") })).findings.isEmpty)
  }

  @Test("an invalid variable or flag is named")
  func sources() {
    #expect(
      read(environment: ["KDOPS_INTERVAL": "soon"]).findings.first?.message
        == "KDOPS_INTERVAL must be a duration of at least 100ms, such as 500ms, 1s or 5m")
    #expect(
      read(flags: ["interval": "soon"]).findings.first?.message
        == "--interval must be a duration of at least 100ms, such as 500ms, 1s or 5m")
    #expect(read(flags: ["interval": "100ms"]).configuration?.interval == .milliseconds(100))
  }

  @Test("lists in a variable are separated by commas")
  func lists() {
    let configuration = read(environment: ["KDOPS_TENANCY_NAMESPACES": "prod, staging"]).configuration
    #expect(configuration?.tenancy.namespaces == ["prod", "staging"])
  }

  @Test("by default tenancy allows no Secret; a prefix, or `*`, says which")
  func secretPrefix() {
    #expect(read().configuration?.tenancy == Tenancy())
    #expect(read("tenancy: {secretPrefix: null}").configuration?.tenancy.secretPrefix == NamePrefix.none)
    #expect(read("tenancy: {secretPrefix: kd-}").configuration?.tenancy.secretPrefix == .prefix("kd-"))
    #expect(read("tenancy: {secretPrefix: \"*\"}").configuration?.tenancy.secretPrefix == .any)
  }

  @Test("every list of tenancy is a setting, and is used by the rules")
  func tenancyLists() {
    for setting in Tenancy.Setting.allCases {
      let isPrefix = [.secretPrefix, .configMapPrefix, .claimPrefix].contains(setting)
      let value = isPrefix ? "x-" : "[x-]"
      let configuration = read("tenancy: {\(setting.rawValue): \(value)}").configuration
      #expect(configuration != nil && configuration?.tenancy != Tenancy(), "\(setting.key)")
    }
    let listed = read(environment: ["KDOPS_TENANCY_POD_ANNOTATIONS": "a.example/*, b.example/c"])
      .configuration
    #expect(listed?.tenancy.podAnnotations == ["a.example/*", "b.example/c"])
    #expect(read(environment: ["KDOPS_TENANCY_POD_LABELS": "a*b"]).configuration == nil)
  }

  @Test("another installation writes to its own refs, and kinds can be disabled")
  func refs() {
    let configuration = read("installation: blue\nstatus: {tree: false, branch: kdops/status}").configuration
    #expect(
      configuration?.statusRefs.suffixed("blue")
        == StatusRefs(notes: "refs/notes/kdops-blue", tree: nil, branch: "refs/heads/kdops/status-blue"))
  }

  @Test("a deadline of 0s means none")
  func deadline() {
    #expect(read("upgrade: {progressDeadline: 5m}").configuration?.progressDeadline == .seconds(300))
    #expect(read("upgrade: {progressDeadline: 0s}").configuration?.progressDeadline == nil)
  }

  @Test("hostile files are findings, and never crash")
  func hostile() {
    for yaml in [
      "{{{{", "&a [*a]", "? x", "status: {? [a]: b}", "\u{0}", "a: !!binary x", "%YAML 9", "---\n---\n",
    ] {
      _ = read(yaml)
    }
    #expect(read(String(repeating: "[", count: 5_000)).configuration == nil)
  }
}

@Suite("Git credentials")
struct GitAccessTests {
  @Test("a token, a user with a password, a key or the agent is used, depending on address and environment")
  func credentials() throws {
    let web = "https://git.example/x.git"
    let ssh = "ssh://git@git.example/x.git"
    #expect(try GitAccess.remote(web, [:]).credentials == .none)
    #expect(
      try GitAccess.remote(web, ["KDOPS_GIT_TOKEN": "t"]).credentials
        == .token(.environment("KDOPS_GIT_TOKEN")))
    #expect(
      try GitAccess.remote(web, ["KDOPS_GIT_USER": "u", "KDOPS_GIT_PASSWORD_FILE": "/p"]).credentials
        == .basic(user: "u", password: .file("/p")))
    #expect(try GitAccess.remote(ssh, ["KDOPS_GIT_TOKEN": "t"]).credentials == .sshAgent)
    #expect(
      try GitAccess.remote(ssh, ["KDOPS_GIT_SSH_KEY_FILE": "/k", "KDOPS_GIT_KNOWN_HOSTS": "/h"]).knownHosts
        == "/h")
  }

  @Test("an address with a password in it is refused without repeating it")
  func password() {
    #expect(throws: GitError.self) { try GitAccess.remote("https://u:hunter2@git.example/x", [:]) }
  }
}
