import Crypto
import FoundationEssentials
import Values

@testable import Webhooks

/// Requests as forges document and send them.
enum Delivery {
  static let secret = "a-secret-of-the-webhook"
  static let secrets = WebhookSecrets(secret)

  static func signature(_ body: [UInt8], secret: String = secret) -> String {
    let code = HMAC<SHA256>.authenticationCode(for: body, using: SymmetricKey(data: Data(secret.utf8)))
    return code.map { byte in byte < 16 ? "0" + String(byte, radix: 16) : String(byte, radix: 16) }.joined()
  }

  /// The payload of a push to a branch of a repository.
  static func payload(
    _ sender: WebhookSender, ref: String = "refs/heads/main", repository: String = "team/fleet"
  ) -> [UInt8] {
    let json: JSON =
      switch sender {
      case .github, .gitea:
        [
          "ref": .string(ref), "before": "0000", "after": "4f2c",
          "repository": ["id": 1, "full_name": .string(repository)],
        ]
      case .gitlab:
        [
          "object_kind": "push", "event_name": "push", "ref": .string(ref),
          "project": ["id": 1, "path_with_namespace": .string(repository)],
        ]
      case .generic: ["ref": .string(ref), "repository": .string(repository)]
      }
    return json.serialized()
  }

  /// The head of a request with the sender's own headers.
  static func head(
    _ sender: WebhookSender, _ body: [UInt8], secret: String = secret, event: String? = nil,
    method: String = "POST"
  ) -> WebhookHandler.Head {
    var headers = ["content-type": "application/json", "content-length": "\(body.count)"]
    switch sender {
    case .github:
      headers["x-hub-signature-256"] = "sha256=\(signature(body, secret: secret))"
      headers["x-github-event"] = event ?? "push"
    case .gitlab:
      headers["x-gitlab-token"] = secret
      headers["x-gitlab-event"] = event ?? "Push Hook"
    case .gitea:
      headers["x-gitea-signature"] = signature(body, secret: secret)
      headers["x-gitea-event"] = event ?? "push"
    case .generic: headers["x-signature"] = "sha256=\(signature(body, secret: secret))"
    }
    return WebhookHandler.Head(method: method, path: "/hooks/\(sender.rawValue)", headers: headers)
  }
}
