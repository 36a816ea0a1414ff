import ClusterAPI
import FoundationEssentials
import TestSupport
import Testing
import Values

@testable import Kubernetes

@Suite(
  "With other accounts on a real Kubernetes",
  .enabled(if: RealNode.isThere, "KUBECONFIG_FOR_TESTS names none"))
struct RealAccountTests {
  /// A service account's token. Servers of every version create one for a secret that requests it.
  private func token(_ client: KubernetesClient, _ namespace: String) async throws -> String {
    _ = try await client.create(
      Object([
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": ["name": "nobody", "namespace": .string(namespace)],
      ]))
    let secret = try await client.create(
      Object(
        .secrets, namespace: namespace, name: "nobody-for-tests",
        annotations: ["kubernetes.io/service-account.name": "nobody"],
        content: ["type": "kubernetes.io/service-account-token"]))
    let start = ObjectList(items: [secret], resourceVersion: secret.resourceVersion)
    if let found = Self.token(in: secret) { return found }
    for try await event in client.watch(
      .secrets, namespace: namespace, labels: .everything, after: start.resourceVersion)
    {
      if case .modified(let object) = event, object.name == secret.name, let found = Self.token(in: object) {
        return found
      }
    }
    throw CancellationError()
  }

  private static func token(in secret: Object) -> String? {
    guard let text = secret.json["data"]?["token"]?.string, let data = Data(base64Encoded: text) else {
      return nil
    }
    return String(decoding: data, as: UTF8.self)
  }

  @Test(
    "an account without permissions gets an error with the missing permission and the command that prints the role"
  )
  func forbidden() async throws {
    try await RealNode.with { admin, namespace in
      let folder = try Folder()
      try folder.write("token", try await token(admin, namespace))
      let path = try #require(RealNode.kubeconfig)
      let real = try Kubeconfig([path], missingIsFine: false).selection(nil).cluster
      let config: JSON = [
        "current-context": "it", "clusters": [["name": "it", "cluster": real.json]],
        "users": [["name": "nobody", "user": ["tokenFile": "token"]]],
        "contexts": [["name": "it", "context": ["cluster": "it", "user": "nobody"]]],
      ]
      let file = try folder.write("kubeconfig", config.text())
      try await RealNode.connected(ConnectionOptions(kubeconfig: file)) { client in
        #expect(client.identity == "system:serviceaccount:\(namespace):nobody")
        let error = try await failure { try await client.create(RealNode.service("db", in: namespace)) }
        #expect(error.kind == .forbidden)
        #expect(
          error.message
            == "services \(namespace)/db: system:serviceaccount:\(namespace):nobody lacks the permission to "
            + "create services in namespace \(namespace); `kdops install --export` prints the role that grants it"
        )
        let everywhere = try await failure {
          try await client.list(.statefulSets, namespace: nil, labels: .everything)
        }
        #expect(everywhere.message.contains("list statefulsets.apps in all namespaces"))

        try folder.write("token", "not-the-token")
        await client.server.credentials.forget()
        let unknown = try await failure { try await client.check() }
        #expect(unknown.kind == .unauthorized)
        #expect(!unknown.message.contains("not-the-token"))
      }
    }
  }

  @Test("a connection fails if another authority signed the server's certificate")
  func wrongAuthority() async throws {
    let folder = try Folder()
    let path = try #require(RealNode.kubeconfig)
    let real = try Kubeconfig([path], missingIsFine: false).selection(nil).cluster
    try folder.write("ca.pem", try TestAuthority().pem)
    var cluster = real.json
    cluster["certificate-authority-data"] = nil
    cluster["certificate-authority"] = "ca.pem"
    let config: JSON = [
      "clusters": [["name": "it", "cluster": cluster]],
      "contexts": [["name": "it", "context": ["cluster": "it"]]],
    ]
    var options = ConnectionOptions(kubeconfig: try folder.write("kubeconfig", config.text()), context: "it")
    options.clock = SkippingClock()
    try await RealNode.connected(options) { client in
      let error = try await failure { try await client.check() }
      #expect(error.message.contains("is not signed by the CA"))
    }
  }
}
