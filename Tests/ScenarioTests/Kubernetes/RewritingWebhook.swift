import Foundation
import TestSupport
import Values

/// Makes a scenario's pods pull their images from a mirror, as organisations do: a webhook writes another
/// image name into each new pod.
enum RewritingWebhook {
  static func mirrored(_ image: String) -> String {
    image.replacingOccurrences(of: "localhost/kdops-test-", with: "localhost/kdops-mirror-")
  }

  /// Answers the API server from this process for as long as the body runs.
  static func during(_ scene: Scene, _ body: () async throws -> Void) async throws {
    for (name, files) in scene.fixture.imageFiles { try await NodeImages.shared.have(mirrored(name), files) }
    let authority = try TestAuthority("authority of a mirror")
    let server = try await JSONServer(tls: try authority.server()) { request in
      JSONServer.Answer(200, answer(to: request.body?["request"] ?? [:]))
    }
    let namespace = scene.fixture.namespace
    var failure: (any Error)?
    do {
      try await Tool.kubectl("label", "namespace", namespace, "kdops.dev/test=\(namespace)")
      let configuration = configuration(namespace, port: server.port, authority.pem)
      try await Tool.kubectl("apply", "-f", "-", input: configuration.text())
      try await mustBeAsked(namespace)
      try await body()
    } catch {
      failure = error
    }
    _ = try? await Tool.kubectl(
      "delete", "mutatingwebhookconfiguration", namespace, "--ignore-not-found")
    await server.stop()
    if let failure { throw failure }
  }

  private static func configuration(_ name: String, port: Int, _ authority: String) -> JSON {
    [
      "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
      "metadata": ["name": .string(name)],
      "webhooks": [
        [
          "name": "mirror.kdops.test", "admissionReviewVersions": ["v1"], "sideEffects": "None",
          "failurePolicy": "Fail", "namespaceSelector": ["matchLabels": ["kdops.dev/test": .string(name)]],
          "rules": [
            ["apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]]
          ],
          "clientConfig": [
            "url": .string("https://127.0.0.1:\(port)/"),
            "caBundle": .string(Data(authority.utf8).base64EncodedString()),
          ],
        ]
      ],
    ]
  }

  /// A JSON patch that replaces each of a pod's images with the name on its mirror.
  private static func answer(to request: JSON) -> JSON {
    var patch: [JSON] = []
    for list in ["containers", "initContainers"] {
      for (index, container) in (request["object"]?["spec"]?[list]?.array ?? []).enumerated() {
        guard let image = container["image"]?.string, image != mirrored(image) else { continue }
        patch.append([
          "op": "replace", "path": .string("/spec/\(list)/\(index)/image"), "value": .string(mirrored(image)),
        ])
      }
    }
    var response: JSON = ["uid": request["uid"] ?? "", "allowed": true]
    if !patch.isEmpty {
      response["patchType"] = "JSONPatch"
      response["patch"] = .string(Data(JSON.array(patch).serialized()).base64EncodedString())
    }
    return ["apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response]
  }

  /// Waits until the API server calls the webhook.
  private static func mustBeAsked(_ namespace: String) async throws {
    let pod: JSON = [
      "apiVersion": "v1", "kind": "Pod", "metadata": ["name": "asked", "namespace": .string(namespace)],
      "spec": ["containers": [["name": "app", "image": "localhost/kdops-test-asked:1"]]],
    ]
    try await eventually(within: .seconds(30), "webhook that is asked") {
      let made = try await Tool.kubectl(
        "create", "--dry-run=server", "-o", "jsonpath={.spec.containers[0].image}", "-f", "-",
        input: pod.text())
      return made.contains("kdops-mirror-asked") ? true : nil
    }
  }
}
