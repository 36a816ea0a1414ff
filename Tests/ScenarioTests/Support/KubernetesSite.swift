import ClusterAPI
import Foundation
import Installation
import KubeDirector
import Kubernetes
import Logging
import Synchronization
import TestSupport
import Values

/// Two namespaces on a real Kubernetes for one scenario: one for its clusters, and one for its daemon, whose
/// account has the permissions that `kdops install --export` grants and no others.
final class KubernetesSite: Site {
  /// The namespaces that the daemon manages.
  enum Tenancy: Sendable {
    case own
    case everywhere
  }

  let installation: String
  var runsDaemonsBare: Bool { true }
  /// The granted permissions.
  let settings: InstallationSettings
  /// A client with an administrator's permissions.
  let client: KubernetesClient
  private let folder: TemporaryFolder
  private let tenant: String
  private let namespaces: Mutex<[String]>
  /// The content of the pods' volumes at the last read: without a running container a volume cannot be read.
  private let volumes = Mutex<[ObjectName: String]>([:])

  /// - Parameter prunes: whether clusters are deleted when their file is deleted, which needs a permission of
  ///   its own.
  init(_ fixture: Fixture, _ tenancy: Tenancy, prunes: Bool = false) async throws {
    folder = try TemporaryFolder()
    tenant = fixture.namespace
    installation = fixture.namespace
    settings = InstallationSettings(
      namespace: "\(fixture.namespace)-system", installation: installation,
      tenantNamespaces: tenancy == .own ? [fixture.namespace] : ["*"],
      otherSettings: prunes ? ["prune": true] : [:])
    namespaces = Mutex([settings.namespace])
    client = try await KubernetesClient.connect(
      ConnectionOptions(kubeconfig: Backend.kubeconfig),
      logger: Logger(label: "admin") { _ in SwiftLogNoOpLogHandler() })
    do {
      for (name, files) in fixture.imageFiles { try await NodeImages.shared.have(name, files) }
      try await makeNamespace()
      try write(
        configuration: [
          "schemaVersion": 1, "installation": .string(installation),
          "systemNamespace": .string(settings.systemNamespace), "prune": .bool(prunes),
          "tenancy": ["namespaces": JSON(settings.tenantNamespaces)],
        ])
      try await install(tenancy)
      try await write(kubeconfig: try await serviceAccount())
    } catch {
      await close()
      throw error
    }
  }

  /// Creates a namespace that is deleted with this site.
  ///
  /// - Parameter suffix: the end of its name; empty for the tenant's own.
  @discardableResult
  func makeNamespace(_ suffix: String = "") async throws -> String {
    let name = tenant + suffix
    namespaces.withLock { $0.append(name) }
    try await Tool.kubectl("create", "namespace", name)
    return name
  }

  // MARK: The daemon's permissions

  /// Installs the custom resource definitions once per test run: a server needs a moment to load them.
  private static let definitions = Task {
    for definition in CustomResources.all {
      try await Tool.kubectl("apply", "-f", "-", input: definition.text())
      try await Tool.kubectl(
        "wait", "--for=condition=established", "--timeout=30s",
        "crd/\(definition["metadata"]?["name"]?.string ?? "")")
    }
  }

  private func install(_ tenancy: Tenancy) async throws {
    guard let program = DaemonProcess.program else {
      throw ToolError("there is no kdops beside the tests; build it, or set KDOPS_BIN")
    }
    try await Self.definitions.value
    let tenants = tenancy == .own ? ["--tenant", tenant] : []
    let export = try await Tool.run(
      [
        program, "install", "--export", "--config", configuration, "--installation", installation,
        "--namespace", settings.namespace,
      ] + tenants)
    try await Tool.kubectl("apply", "-f", "-", input: export)
  }

  /// The token of the daemon's account.
  private func serviceAccount() async throws -> String {
    let account = InstallationSettings.serviceAccount
    // Servers before 1.24 create the token's secret themselves; newer ones create it on request.
    for _ in 0..<50 {
      let secret = try await Tool.kubectl(
        "get", "serviceaccount", account, "-n", settings.namespace, "-o", "jsonpath={.secrets[0].name}")
      if !secret.isEmpty {
        let token = try await Tool.kubectl(
          "get", "secret", secret, "-n", settings.namespace, "-o", "jsonpath={.data.token}")
        if let bytes = Data(base64Encoded: token) { return String(decoding: bytes, as: UTF8.self) }
      }
      if let token = try? await Tool.kubectl(
        "create", "token", account, "-n", settings.namespace, "--duration", "4h")
      {
        return token
      }
      try await Task.sleep(for: .milliseconds(200))
    }
    throw ToolError("there is no token for service account \(settings.namespace)/\(account)")
  }

  var kubeconfig: String { "\(folder.path)/kubeconfig" }
  private var configuration: String { "\(folder.path)/config.yaml" }

  /// Writes a kubeconfig with the administrator's server and another user.
  private func write(kubeconfig token: String) async throws {
    let text = try await Tool.kubectl("config", "view", "--raw", "--minify", "--flatten", "-o", "json")
    guard let cluster = try JSON.parse(Array(text.utf8))["clusters"]?[0]?["cluster"] else {
      throw ToolError("the kubeconfig of KUBECONFIG_FOR_TESTS names no cluster")
    }
    let json: JSON = [
      "apiVersion": "v1", "kind": "Config", "current-context": "scenario",
      "clusters": [["name": "scenario", "cluster": cluster]],
      "users": [["name": "kdops", "user": ["token": .string(token)]]],
      "contexts": [["name": "scenario", "context": ["cluster": "scenario", "user": "kdops"]]],
    ]
    try write(json, to: kubeconfig)
  }

  private func write(configuration json: JSON) throws { try write(json, to: configuration) }

  /// JSON is YAML.
  private func write(_ json: JSON, to path: String) throws {
    let made = FileManager.default.createFile(
      atPath: path, contents: Data(json.serialized()), attributes: [.posixPermissions: 0o600])
    guard made else { throw ToolError("cannot write \(path)") }
  }

  // MARK: Site

  func arguments(for daemon: String) -> [String] {
    [
      "--kubeconfig", kubeconfig, "--config", configuration, "--data", "\(folder.path)/\(daemon)",
      // Each request is logged, because the tests check which requests were made.
      "--log-level", "debug",
    ]
  }

  func api() -> (any ClusterAPI)? { client }

  /// A client with the daemon's permissions; the caller closes it.
  func daemonClient() async throws -> KubernetesClient {
    try await KubernetesClient.connect(
      ConnectionOptions(kubeconfig: kubeconfig),
      logger: Logger(label: "daemon") { _ in SwiftLogNoOpLogHandler() })
  }

  func withWriter(_ body: (any ClusterAPI) async throws -> Void) async throws { try await body(client) }

  /// The flags of commands, which run as a user who may write clusters and not as the daemon.
  var commandArguments: [String] { Backend.kubeconfig.map { ["--kubeconfig", $0] } ?? [] }

  /// The node is this machine.
  func volume(of pod: ObjectName) async throws -> String {
    let claim = "p-\(pod.name)"
    let volume = try await Tool.kubectl(
      "get", "pvc", claim, "-n", pod.namespace, "-o", "jsonpath={.spec.volumeName}")
    let path = try await Tool.kubectl("get", "pv", volume, "-o", "jsonpath={.spec.hostPath.path}")
    guard !path.isEmpty else { throw ToolError("volume \(volume) of \(claim) is no folder of this machine") }
    return path
  }

  func file(_ path: String, in pod: ObjectName) async throws -> String? {
    let seen = try await client.exec(
      pod, ExecRequest(command: ["/bin/cat", path], outputLimit: 1 << 20, timeout: .seconds(20)))
    return seen.exitCode == 0 ? String(decoding: seen.stdout, as: UTF8.self) : nil
  }

  func record(of pod: ObjectName) async throws -> String {
    let readRuns =
      "if [ -d /data ]; then echo volume; cat /data/runs; else echo own; cat /srv/runs; fi 2> /dev/null"
    var tries = 0
    while true {
      tries += 1
      do throws(APIError) {
        let seen = try await client.exec(
          pod,
          ExecRequest(
            command: ["/bin/sh", "-c", "\(readRuns); true"], outputLimit: 1 << 20, timeout: .seconds(20)))
        let text = String(decoding: seen.stdout, as: UTF8.self)
        if text.hasPrefix("volume") { volumes.withLock { $0[pod] = text } }
        return text
      } catch {
        // While a container starts or ends, the command is refused in several ways.
        let isThere = (try? await client.get(.pods, pod)).map { PodSight($0).isReady } ?? false
        guard isThere else { return volumes.withLock { $0[pod] } ?? "" }
        if tries == 10 { throw error }
      }
      try await Task.sleep(for: .milliseconds(300))
    }
  }

  /// Does not wait for the end of its deletions.
  func close() async {
    await client.shutdown()
    for namespace in namespaces.withLock({ $0 }) {
      _ = try? await Tool.kubectl("delete", "namespace", namespace, "--wait=false", "--ignore-not-found")
    }
    _ = try? await Tool.kubectl(
      "delete", "clusterrole,clusterrolebinding", "-l", "app.kubernetes.io/instance=\(installation)")
  }
}
