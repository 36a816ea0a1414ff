import ClusterAPI
import FoundationEssentials
import Logging
import Subprocess
import Testing
import Values

@testable import Kubernetes

/// Pods of busybox on the Kubernetes that `KUBECONFIG_FOR_TESTS` names, with an image that the tools in the folder
/// `KUBE_TOOLS` make.
enum ExecNode {
  private static func variable(_ name: String) -> String? {
    ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
  }

  static var kubeconfig: String? { variable("KUBECONFIG_FOR_TESTS") }
  static var tools: String? { variable("KUBE_TOOLS") }
  static let namespaces = Resource(
    group: "", version: "v1", kind: "Namespace", plural: "namespaces", isNamespaced: false)

  /// Runs the test in a namespace of its own, which goes afterwards.
  static func run(_ body: (_ client: KubernetesClient, _ namespace: String) async throws -> Void) async throws
  {
    let options = ConnectionOptions(
      kubeconfig: kubeconfig, environment: ProcessInfo.processInfo.environment)
    let client = try await KubernetesClient.connect(options, logger: Logger(label: "test"))
    let namespace = "exec-\(UUID().uuidString.prefix(8).lowercased())"
    let outcome: Result<Void, any Error>
    do {
      _ = try await client.create(
        Object(["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .string(namespace)]]))
      outcome = .success(try await body(client, namespace))
    } catch {
      outcome = .failure(error)
    }
    try? await client.delete(namespaces, ObjectName(namespace: "", name: namespace), .none)
    await client.shutdown()
    try outcome.get()
  }

  /// Makes the image and a pod of it, and waits until the pod runs.
  static func pod(_ client: KubernetesClient, in namespace: String) async throws -> Object {
    let image = "localhost/kdops-exec:1"
    let made = try await Subprocess.run(
      .path("/bin/sh"), arguments: ["-c", "exec \"$0\" \"$1\"", "\(try #require(tools))/image", image],
      output: .discarded,
      error: .discarded)
    #expect(made.terminationStatus.isSuccess)
    let pod = Object(
      .pods, namespace: namespace, name: "p",
      content: [
        "spec": [
          "containers": [["name": "app", "image": .string(image), "imagePullPolicy": "IfNotPresent"]],
          "terminationGracePeriodSeconds": 0,
        ]
      ])
    return try await follow(try await client.create(pod), client) {
      KubernetesClient.running("app", in: $0) != nil
    }
  }

  /// The pod as soon as it is as wanted.
  static func follow(
    _ pod: Object, _ client: KubernetesClient, until isWanted: (Object) -> Bool
  ) async throws -> Object {
    let events = client.watch(
      .pods, namespace: pod.namespace, labels: .everything, after: pod.resourceVersion)
    for try await event in events {
      switch event {
      case .added(let object), .modified(let object): if isWanted(object) { return object }
      case .deleted(let object): return object
      case .bookmark: continue
      }
    }
    throw CancellationError()
  }
}
