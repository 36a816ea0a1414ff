import Diagnostics
import Installation
import Testing
import Values

@testable import kdops

@Suite("kdops install")
struct InstallCommandTests {
  private func read(_ arguments: String..., config: String? = nil) throws -> (
    InstallationSettings?, [Diagnostic]
  ) {
    let command = try InstallCommand.parse(["--export"] + arguments)
    return command.settings(config.map { ("kdops.yaml", Array($0.utf8)) })
  }

  private func settings(_ arguments: String..., config: String? = nil) throws -> InstallationSettings {
    let command = try InstallCommand.parse(["--export"] + arguments)
    let (settings, findings) = command.settings(config.map { ("kdops.yaml", Array($0.utf8)) })
    #expect(findings == [])
    return try #require(settings)
  }

  @Test("without --export nothing is printed, and nothing is done")
  func explains() throws {
    let command = try InstallCommand.parse([])
    #expect(throws: Kdops.couldNotRun) { try command.run() }
  }

  @Test("without other flags it exports the defaults")
  func standard() throws {
    #expect(try settings() == InstallationSettings())
  }

  @Test("flags change the export")
  func flags() throws {
    let settings = try settings(
      "--repo", "ssh://git@git.example/fleet.git", "--branch", "release", "--namespace", "ops",
      "--installation",
      "blue", "--image", "registry.example/kdops:1", "--tenant", "prod", "--tenant", "staging", "--replicas",
      "2",
      "--admission")
    #expect(
      settings
        == InstallationSettings(
          namespace: "ops", installation: "blue", tenantNamespaces: ["prod", "staging"],
          repo: "ssh://git@git.example/fleet.git", branch: "release", gitCredentials: .sshKey,
          image: "registry.example/kdops:1", replicas: 2, admission: .service))
    #expect(settings.systemNamespace == "ops")
  }

  private static let file = """
    schemaVersion: 1
    repo: https://git.example/fleet.git
    branch: release
    interval: 30s
    systemNamespace: catalog
    upgrade: {progressDeadline: 15m}
    status: {branch: kdops/status}
    tenancy: {namespaces: [prod], secretPrefix: kd-}
    """

  @Test("settings of the daemon's file are used, and a flag overrides them")
  func file() throws {
    let settings = try settings("--branch", "main", config: Self.file)
    #expect(settings.tenantNamespaces == ["prod"] && settings.branch == "main" && settings.interval == "30s")
    #expect(settings.namespace == "catalog" && settings.systemNamespace == "catalog")
    #expect(
      settings.otherSettings == [
        "upgrade": ["progressDeadline": "15m"], "status": ["branch": "kdops/status"],
        "tenancy": ["secretPrefix": "kd-"],
      ])
    let apart = try self.settings("--namespace", "ops", "--tenant", "staging", config: Self.file)
    #expect(apart.namespace == "ops" && apart.systemNamespace == "catalog")
    #expect(apart.tenantNamespaces == ["staging"])
  }

  @Test("the daemon is installed only with --repo")
  func repo() throws {
    #expect(try settings(config: Self.file).repo == nil)
    let settings = try settings("--repo", "https://git.example/other.git", config: Self.file)
    #expect(settings.repo == "https://git.example/other.git" && settings.gitCredentials == .token)
  }

  @Test("the daemon reads the same settings from its ConfigMap as from the file and the flags")
  func roundTrip() throws {
    let settings = try settings("--repo", "https://git.example/fleet.git", config: Self.file)
    let map = try #require(
      InstallationExport(settings).objects.first { $0["kind"] == "ConfigMap" }?["data"]?["config.yaml"]?
        .string)
    let exported = DaemonConfiguration.read(file: ("config.yaml", Array(map.utf8)))
    #expect(exported.findings == [])
    #expect(
      exported.configuration
        == DaemonConfiguration.read(file: ("kdops.yaml", Array(Self.file.utf8))).configuration)
  }

  @Test("an admission URL implies --admission")
  func admission() throws {
    #expect(
      try settings("--admission-url", "https://kdops.example/admit").admission
        == .url("https://kdops.example/admit"))
    #expect(try settings().admission == nil)
  }

  @Test(
    "invalid settings are refused with a message that names them",
    arguments: [
      (["--namespace", "kube-system"], "kube-system"), (["--installation", "A"], "--installation"),
      (["--tenant", "kdops-system"], "kdops-system"), (["--repo", "gopher://a/b"], "gopher://a/b"),
      (["--admission-url", "http://a/admit"], "http://a/admit"),
    ])
  func refused(_ arguments: [String], _ word: String) throws {
    let (settings, findings) = try InstallCommand.parse(["--export"] + arguments).settings(nil)
    #expect(settings == nil)
    #expect(findings.filter { $0.severity == .error }.map { $0.message.contains(word) } == [true])
  }

  @Test("an error in the file is reported with its position")
  func mistake() throws {
    let (settings, findings) = try read(config: "schemaVersion: 1\ntenancy: {namespace: [prod]}\n")
    #expect(settings == nil)
    #expect(findings.map(\.location?.line) == [2])
  }

  @Test("a repository in a local folder causes a warning: a pod has no such folder")
  func folder() throws {
    let (settings, findings) = try read("--repo", "/srv/fleet.git")
    #expect(settings?.gitCredentials == InstallationSettings.GitCredentials.none)
    #expect(findings.map(\.severity) == [.warning])
  }

  @Test("a password in the repository's address is refused, and not shown")
  func password() throws {
    let (settings, findings) = try read("--repo", "https://me:s3cret@git.example/fleet.git")
    #expect(settings == nil)
    #expect(!findings.contains { $0.message.contains("s3cret") })
  }

  @Test("files in the settings are read at their path in the pod, and the Secret's keys are named")
  func keyFiles() throws {
    let settings = try settings(
      "--repo", "https://git.example/fleet.git",
      config: """
        verify: {mode: range, allowedSigners: /etc/kdops/signers, keyring: /run/secrets/kdops-git/keyring}
        commits: {sshKey: /root/.ssh/kdops}
        forge: {kind: gitlab, project: team/fleet, tokenFile: /run/secrets/kdops-keys/api-token}
        webhook: {listen: "0.0.0.0:9292", secretFile: /etc/kdops/hook}
        notifications: [{name: ops, kind: slack, urlFile: /etc/kdops/slack}]
        """)
    #expect(
      settings.keyFiles == [
        .init(key: "allowed-signers", file: "/etc/kdops/signers"),
        .init(key: "signing-key", file: "/root/.ssh/kdops"), .init(key: "api-token", file: nil),
        .init(key: "webhook-secret", file: "/etc/kdops/hook"),
        .init(key: "notification-ops-url", file: "/etc/kdops/slack"),
      ])
    #expect(settings.otherSettings["webhook"]?["secretFile"] == "/run/secrets/kdops-keys/webhook-secret")
    #expect(
      settings.otherSettings["notifications"]?[0]?["urlFile"]
        == "/run/secrets/kdops-keys/notification-ops-url"
    )
    let verify = settings.otherSettings["verify"]
    #expect(verify?["allowedSigners"] == "/run/secrets/kdops-keys/allowed-signers")
    #expect(verify?["keyring"] == "/run/secrets/kdops-git/keyring")
    #expect(settings.otherSettings["commits"]?["sshKey"] == "/run/secrets/kdops-keys/signing-key")
    #expect(settings.otherSettings["forge"]?["tokenFile"] == "/run/secrets/kdops-keys/api-token")
  }

  @Test("contradicting settings are reported before they are installed")
  func senseless() throws {
    let (settings, findings) = try read(config: "verify: {mode: range}\n")
    #expect(settings == nil && findings.first?.message.contains("no signer is allowed") == true)
  }
}
