import ClusterAPI
import FoundationEssentials
import KubeDirector
import Logging
import Testing
import Values

@testable import Kubernetes

/// A real Kubernetes, if `KUBECONFIG_FOR_TESTS` names one; its suites are skipped otherwise.
enum RealNode {
  static let kubeconfig = ProcessInfo.processInfo.environment["KUBECONFIG_FOR_TESTS"].flatMap {
    $0.isEmpty ? nil : $0
  }
  static let isThere = kubeconfig != nil

  static let namespaces = Resource(
    group: "", version: "v1", kind: "Namespace", plural: "namespaces", isNamespaced: false)

  static var options: ConnectionOptions {
    ConnectionOptions(kubeconfig: kubeconfig, environment: ProcessInfo.processInfo.environment)
  }

  /// Runs the body with a namespace of its own, which is deleted afterwards.
  static func with(
    _ options: ConnectionOptions = options, _ body: (KubernetesClient, String) async throws -> Void
  ) async throws {
    let namespace = "kdops-client-\(UUID().uuidString.prefix(8).lowercased())"
    try await connected(options) { client in
      _ = try await client.create(
        Object([
          "apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .string(namespace)],
        ]))
      let outcome: Result<Void, any Error>
      do { outcome = .success(try await body(client, namespace)) } catch { outcome = .failure(error) }
      try await client.delete(namespaces, ObjectName(namespace: "", name: namespace), .none)
      try outcome.get()
    }
  }

  /// Runs the body with a client, which is shut down afterwards.
  static func connected(
    _ options: ConnectionOptions, _ body: (KubernetesClient) async throws -> Void
  ) async throws {
    var options = options
    // A busy machine may answer slowly, because it runs a thousand other tests.
    options.answerTimeout = .seconds(120)
    let client = try await KubernetesClient.connect(options, logger: Logger(label: "test"))
    let outcome: Result<Void, any Error>
    do { outcome = .success(try await body(client)) } catch { outcome = .failure(error) }
    await client.shutdown()
    try outcome.get()
  }

  static func service(_ name: String, in namespace: String, labels: [String: String] = [:]) -> Object {
    Object(
      .services, namespace: namespace, name: name, labels: labels,
      content: [
        "spec": ["clusterIP": "None", "selector": ["app": "none"], "ports": [["port": 80, "name": "http"]]]
      ])
  }

  /// Installs the custom resource definitions, unless the node already has them.
  static func installCustomResources(_ client: KubernetesClient) async throws {
    for definition in CustomResources.all {
      do throws(APIError) { _ = try await client.create(Object(definition)) } catch {
        guard error.kind == .alreadyExists else { throw error }
      }
    }
    // A definition is served a moment after it was accepted.
    var tries = 0
    while true {
      do throws(APIError) {
        _ = try await client.list(.clusters, namespace: nil, labels: .everything)
        return
      } catch {
        tries += 1
        guard error.kind == .unsupported, tries < 100 else { throw error }
        try await Task.sleep(for: .milliseconds(100))
      }
    }
  }
}
