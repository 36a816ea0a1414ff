import Installation
import Manifests
import Testing
import Values

@Suite("The daemon's pod")
struct DaemonTests {
  private func pod(_ settings: InstallationSettings) throws -> JSON {
    let deployment = try #require(InstallationExport(settings).objects("Deployment").first)
    return try #require(deployment["spec"]?["template"]?["spec"])
  }

  private func variables(_ settings: InstallationSettings) throws -> [String: String] {
    let variables = try pod(settings)["containers"]?[0]?["env"]?.array ?? []
    return Dictionary(
      uniqueKeysWithValues: variables.map { ($0["name"]?.string ?? "", $0["value"]?.string ?? "") })
  }

  private func configuration(_ settings: InstallationSettings) throws -> JSON {
    let map = try #require(InstallationExport(settings).objects("ConfigMap").first)
    let text = try #require(map["data"]?["config.yaml"]?.string)
    return try #require(SettingsFile(path: "config.yaml", bytes: Array(text.utf8)).json)
  }

  @Test("exists only if a repository is configured")
  func absent() {
    let export = InstallationExport(InstallationSettings())
    #expect(export.objects("Deployment").isEmpty && export.objects("ConfigMap").isEmpty)
  }

  @Test("runs as an unprivileged user, with a read-only file system except for its mirror")
  func confined() throws {
    let pod = try pod(Sample.daemon.settings)
    #expect(pod["securityContext"]?["runAsNonRoot"] == true)
    let container = pod["containers"]?[0]
    #expect(container?["securityContext"]?["readOnlyRootFilesystem"] == true)
    #expect(container?["securityContext"]?["allowPrivilegeEscalation"] == false)
    #expect(container?["securityContext"]?["capabilities"] == ["drop": ["ALL"]])
    let mounts = container?["volumeMounts"]?.array ?? []
    #expect(mounts.filter { $0["readOnly"] != true }.map { $0["mountPath"] } == ["/var/lib/kdops"])
    #expect(try variables(Sample.daemon.settings)["XDG_STATE_HOME"] == "/var/lib")
  }

  @Test("reads a configuration with the resulting settings, and the rest of the source file")
  func configured() throws {
    #expect(
      try configuration(Sample.daemon.settings) == [
        "schemaVersion": 1, "repo": "https://git.example/fleet.git", "branch": "release", "interval": "30s",
        "installation": "blue", "systemNamespace": "catalog",
        "tenancy": ["namespaces": ["prod"], "secretPrefix": "kd-"], "upgrade": ["progressDeadline": "15m"],
      ])
  }

  @Test("reads key files from a Secret; the header says how to create it, whatever their paths contain")
  func keys() throws {
    var settings = Sample.daemon.settings
    #expect(
      try pod(settings)["volumes"]?.array?.contains { $0["secret"]?["secretName"] == "kdops-keys" } == true)
    let mount = try pod(settings)["containers"]?[0]?["volumeMounts"]?.array?.first { $0["name"] == "keys" }
    #expect(mount?["mountPath"] == "/run/secrets/kdops-keys" && mount?["readOnly"] == true)
    settings.keyFiles = [.init(key: "keyring", file: "/etc/a b\n---\nkind: Pod")]
    #expect(InstallationExport(settings).text.contains("#     --from-file=keyring=FILE\n"))
    settings.keyFiles = []
    #expect(!InstallationExport(settings).text.contains("kdops-keys"))
  }

  @Test("is replaced if its configuration changes, and only then")
  func restarts() throws {
    func stamp(_ settings: InstallationSettings) -> JSON? {
      InstallationExport(settings).objects("Deployment")
        .first?["spec"]?["template"]?["metadata"]?["annotations"]?["kdops.dev/configuration"]
    }
    var settings = Sample.daemon.settings
    let before = try #require(stamp(settings))
    settings.replicas = 3
    #expect(stamp(settings) == before)
    settings.branch = "main"
    #expect(stamp(settings) != before)
  }

  @Test("reads its credentials from files of a Secret, which may be missing")
  func credentials() throws {
    #expect(
      try variables(Sample.daemon.settings)["KDOPS_GIT_TOKEN_FILE"] == "/run/secrets/kdops-git/token")
    let ssh = try variables(Sample.outside.settings)
    #expect(ssh["KDOPS_GIT_SSH_KEY_FILE"] == "/run/secrets/kdops-git/ssh-privatekey")
    #expect(ssh["KDOPS_GIT_KNOWN_HOSTS"] == "/run/secrets/kdops-git/known_hosts")
    let secret = try pod(Sample.outside.settings)["volumes"]?.array?.compactMap { $0["secret"] }
    #expect(secret?.map { $0["secretName"] } == ["kdops-git"])
    #expect(secret?.map { $0["optional"] } == [true])
    var settings = Sample.daemon.settings
    settings.gitCredentials = .none
    #expect(try variables(settings).keys.sorted() == ["XDG_STATE_HOME"])
  }

  @Test(
    "ignores the KDOPS_ variables that Kubernetes creates from the names of services")
  func serviceLinks() throws {
    #expect(try pod(Sample.daemon.settings)["enableServiceLinks"] == false)
  }

  @Test("listens on the port to which its service sends webhook requests")
  func listens() throws {
    let container = try pod(Sample.daemon.settings)["containers"]?[0]
    let service = Sample.daemon.export.objects("Service").first
    let port = service?["spec"]?["ports"]?[0]
    #expect(port?["port"] == 443 && port?["targetPort"] == container?["ports"]?[0]?["containerPort"])
    #expect(container?["args"]?.array?.contains("--admission") == true)
    let deployment = Sample.daemon.export.objects("Deployment").first
    #expect(service?["spec"]?["selector"] == deployment?["spec"]?["template"]?["metadata"]?["labels"])
  }
}

@Suite("The webhook")
struct WebhookTests {
  @Test("is called for apps and clusters, not for status, and allows requests if it does not answer")
  func configuration() throws {
    let object = try #require(Sample.daemon.export.objects("ValidatingWebhookConfiguration").first)
    #expect(object.name == "kdops-blue")
    let hook = object["webhooks"]?[0]
    #expect(hook?["name"] == "objects.kdops.dev" && hook?["failurePolicy"] == "Ignore")
    #expect(hook?["rules"]?[0]?["resources"] == ["kubedirectorapps", "kubedirectorclusters"])
    #expect(hook?["rules"]?[0]?["operations"] == ["CREATE", "UPDATE", "DELETE"])
    #expect(
      hook?["clientConfig"] == [
        "service": ["namespace": "blue", "name": "kdops-admission", "path": "/admit", "port": 443]
      ])
  }

  @Test("is called at a URL if the daemon is outside the cluster, and needs no service then")
  func outside() throws {
    let export = Sample.outside.export
    let object = try #require(export.objects("ValidatingWebhookConfiguration").first)
    #expect(object["webhooks"]?[0]?["clientConfig"] == ["url": "https://kdops.example:9443/admit"])
    #expect(export.objects("Service").isEmpty)
    let pod = export.objects("Deployment").first?["spec"]?["template"]?["spec"]
    let arguments = pod?["containers"]?[0]?["args"]?.array?.compactMap(\.string)
    #expect(arguments?.suffix(2) == ["--admission-url", "https://kdops.example:9443/admit"])
  }

  @Test("exists only if it is requested")
  func absent() {
    #expect(Sample.tenants.export.objects("ValidatingWebhookConfiguration").isEmpty)
  }
}
