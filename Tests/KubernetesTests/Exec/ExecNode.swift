import ClusterAPI
import FoundationEssentials
import Subprocess
import Testing
import Values

@testable import Kubernetes

/// Busybox pods on a real Kubernetes, with an image that the tools in the folder `KUBE_TOOLS` build.
enum ExecNode {
  private static func variable(_ name: String) -> String? {
    ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
  }

  static var tools: String? { variable("KUBE_TOOLS") }

  /// Builds the image, creates a pod of it, and waits until the pod runs.
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

  /// Returns the pod as soon as it meets the condition.
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
