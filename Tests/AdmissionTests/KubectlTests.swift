import ClusterAPI
import FoundationEssentials
import KubeDirector
import Rules
import ServiceLifecycle
import Subprocess
import Synchronization
import TestSupport
import Testing
import Values

@testable import Admission

/// A real API server that calls the webhook, with `kubectl` as its client. It must reach this machine's
/// loopback.
@Suite(
  "Messages of the rules in kubectl", .serialized, .timeLimit(.minutes(10)),
  .enabled(if: Kubectl.kubeconfig != nil, "KUBECONFIG_FOR_TESTS names no cluster"))
struct KubectlTests {
  @Test("an invalid object is refused with the rule's message, a valid one is accepted, an app in use stays")
  func applying() async throws {
    let name = "admission-\(UInt32.random(in: 0...UInt32.max))"
    let kubectl = Kubectl()
    for definition in CustomResources.all { try await kubectl.succeed(["apply", "-f", "-"], definition) }
    let space: JSON = [
      "apiVersion": "v1", "kind": "Namespace",
      "metadata": ["name": .string(name), "labels": ["kdops.dev/test": .string(name)]],
    ]
    try await kubectl.succeed(["create", "-f", "-"], space)
    let outcome: (any Error)?
    do {
      try await withWebhook(name, kubectl) { api in try await judge(in: name, kubectl, api) }
      outcome = nil
    } catch {
      outcome = error
    }
    _ = try await kubectl.run(["delete", "validatingwebhookconfiguration", name, "--ignore-not-found"])
    _ = try await kubectl.run(["delete", "namespace", name, "--wait=false"])
    if let outcome { throw outcome }
  }

  private func judge(in namespace: String, _ kubectl: Kubectl, _ api: MemoryAPI) async throws {
    let app = Sample.current.inNamespace(namespace)
    let cluster = Sample.cluster.inNamespace(namespace)
    let bad = Sample.app((#""version": "1.0.0""#, #""version": "one""#)).inNamespace(namespace)

    // The server needs a moment to load the webhook.
    var refusal = try await kubectl.run(["apply", "--dry-run=server", "-f", "-"], bad)
    for _ in 0..<100 where refusal.isSuccess || refusal.errors.contains("not judged") {
      refusal = try await kubectl.run(["apply", "--dry-run=server", "-f", "-"], bad)
    }
    #expect(!refusal.isSuccess)
    #expect(refusal.errors.contains(#"admission webhook "objects.kdops.dev" denied the request: "#))
    #expect(refusal.errors.contains("error[app/semver] "))
    #expect(try await !kubectl.run(["apply", "-f", "-"], bad).isSuccess)

    let early = try await kubectl.run(["apply", "-f", "-"], cluster)
    #expect(!early.isSuccess)
    #expect(
      early.errors.contains(
        "error[cluster/app-registered] app spark-1.0.0, which cluster \(namespace)/analytics"))

    try await kubectl.succeed(["apply", "-f", "-"], app)
    api.put(try await kubectl.object("kubedirectorapp", "spark-1.0.0", in: namespace))
    try await kubectl.succeed(["apply", "-f", "-"], cluster)
    api.put(try await kubectl.object("kubedirectorcluster", "analytics", in: namespace))

    // Applying the same object again, and a label, change nothing.
    try await kubectl.succeed(["apply", "-f", "-"], cluster)
    try await kubectl.succeed(["label", "-n", namespace, "kubedirectorcluster", "analytics", "team=blue"])
    let edit = ["-n", namespace, "kubedirectorcluster", "analytics", "--type=merge", "-p"]
    let downgrade = try await kubectl.run(["patch"] + edit + [#"{"spec":{"app":"spark-0.9.0"}}"#])
    #expect(downgrade.errors.contains("error[upgrade/registered]"))

    // By now the watch has delivered the cluster.
    var inUse = try await kubectl.run([
      "delete", "-n", namespace, "--dry-run=server", "kubedirectorapp", "--all",
    ])
    for _ in 0..<100 where inUse.isSuccess {
      inUse = try await kubectl.run([
        "delete", "-n", namespace, "--dry-run=server", "kubedirectorapp", "--all",
      ])
    }
    #expect(
      inUse.errors.contains("error[app/in-use] app spark-1.0.0 is used by cluster \(namespace)/analytics"))
    try await kubectl.succeed(["delete", "-n", namespace, "kubedirectorcluster", "analytics", "--wait=true"])
    api.remove(.clusters, namespace, "analytics")
    var gone = try await kubectl.run(["delete", "-n", namespace, "kubedirectorapp", "spark-1.0.0"])
    for _ in 0..<100 where !gone.isSuccess {
      gone = try await kubectl.run(["delete", "-n", namespace, "kubedirectorapp", "spark-1.0.0"])
    }
    #expect(gone.isSuccess)
  }

  /// Serves on loopback, and registers a webhook for one namespace.
  private func withWebhook(
    _ name: String, _ kubectl: Kubectl, _ body: (MemoryAPI) async throws -> Void
  ) async throws {
    let api = MemoryAPI()
    let bundle = Mutex<[UInt8]>([])
    let (ports, announce) = AsyncStream<Int>.makeStream()
    let server = AdmissionServer(
      api: api,
      settings: AdmissionSettings(
        address: "127.0.0.1", port: 0, hostNames: ["127.0.0.1"], policy: Policy(), namespaces: [name]),
      logger: .silent, now: { Int(Date().timeIntervalSince1970) },
      publish: { bytes in bundle.withLock { $0 = bytes } }, onListening: { announce.yield($0) })
    let services = ServiceGroup(services: [server], logger: .silent)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await services.run() }
      for await port in ports {
        while bundle.withLock({ $0.isEmpty }) { await Task.yield() }
        let text = Data(bundle.withLock { $0 }).base64EncodedString()
        try await kubectl.succeed(["create", "-f", "-"], configuration(name, port: port, bundle: text))
        try await body(api)
        break
      }
      await services.triggerGracefulShutdown()
      try await group.waitForAll()
    }
  }

  private func configuration(_ name: String, port: Int, bundle: String) -> JSON {
    [
      "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
      "metadata": ["name": .string(name)],
      "webhooks": [
        [
          "name": .string(AdmissionSettings.webhookName),
          "clientConfig": [
            "url": .string("https://127.0.0.1:\(port)\(AdmissionSettings.path)"), "caBundle": .string(bundle),
          ],
          "namespaceSelector": ["matchLabels": ["kdops.dev/test": .string(name)]],
          "rules": [
            [
              "apiGroups": [.string(Wire.group)], "apiVersions": ["v1beta1"],
              "operations": ["CREATE", "UPDATE", "DELETE"],
              "resources": ["kubedirectorapps", "kubedirectorclusters"], "scope": "Namespaced",
            ]
          ],
          "failurePolicy": "Ignore", "sideEffects": "None", "admissionReviewVersions": ["v1"],
        ]
      ],
    ]
  }
}

/// `kubectl` as a process.
struct Kubectl {
  static let kubeconfig = ProcessInfo.processInfo.environment["KUBECONFIG_FOR_TESTS"]

  struct Outcome {
    var isSuccess: Bool
    var output: String
    var errors: String
  }

  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  func run(_ arguments: [String], _ input: JSON? = nil) async throws -> Outcome {
    let result = try await Subprocess.run(
      .name("kubectl"), arguments: Arguments(arguments),
      environment: .inherit.updating(["KUBECONFIG": Self.kubeconfig]),
      input: .array(input?.serialized() ?? []), output: .string(limit: 1 << 20),
      error: .string(limit: 1 << 20))
    return Outcome(
      isSuccess: result.terminationStatus.isSuccess, output: result.standardOutput,
      errors: result.standardError)
  }

  func succeed(_ arguments: [String], _ input: JSON? = nil) async throws {
    let outcome = try await run(arguments, input)
    guard outcome.isSuccess else {
      throw Failure(description: "kubectl \(arguments.joined(separator: " ")): \(outcome.errors)")
    }
  }

  func object(_ kind: String, _ name: String, in namespace: String) async throws -> JSON {
    let outcome = try await run(["get", "-n", namespace, kind, name, "-o", "json"])
    return try JSON.parse(outcome.output)
  }
}
