import Crypto
import FoundationEssentials
import KubeDirector
import Values

/// The HTTP request of one notification.
struct OutgoingRequest: Sendable, Hashable {
  var headers: [String: String]
  var body: [UInt8]
}

extension StatusNotification {
  /// The request in Slack's format for incoming webhooks.
  func slackRequest(installation: String) -> OutgoingRequest {
    let body: JSON = [
      "text": .string(SlackText.escaped(sentence(installation: installation))), "mrkdwn": false,
      "link_names": false, "parse": "none", "unfurl_links": false, "unfurl_media": false,
    ]
    return OutgoingRequest(headers: Self.headers, body: body.serialized())
  }

  /// The request in kdops' own format.
  ///
  /// The signature is the HMAC-SHA256 of the body. The body contains the time of sending, so that a receiver can refuse
  /// an old request that is sent again by someone else.
  ///
  /// - Parameters:
  ///   - secret: nil to send it unsigned.
  ///   - now: in whole seconds since 1970.
  func signedRequest(installation: String, secret: [UInt8]?, now: Int) -> OutgoingRequest {
    var body: JSON = [
      "schemaVersion": 1, "sent": JSON(now), "installation": .string(installation),
      "text": .string(sentence(installation: installation)),
    ]
    for (name, value) in json.object ?? JSON.Members() { body[name] = value }
    let bytes = body.serialized()
    var headers = Self.headers
    headers["X-Kdops-Id"] = id
    headers["X-Kdops-Event"] = event.rawValue
    headers["X-Kdops-Timestamp"] = "\(now)"
    if let secret {
      let code = HMAC<SHA256>.authenticationCode(for: bytes, using: SymmetricKey(data: secret))
      headers["X-Kdops-Signature"] = "sha256=\(Self.hex(code))"
    }
    return OutgoingRequest(headers: headers, body: bytes)
  }

  private static let headers = ["Content-Type": "application/json", "User-Agent": "kdops"]

  private static func hex(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { byte in byte < 16 ? "0" + String(byte, radix: 16) : String(byte, radix: 16) }.joined()
  }
}
