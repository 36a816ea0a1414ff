/// A receiver's HTTP response, and what to do next.
struct DeliveryAnswer: Sendable, Hashable {
  var code: Int
  /// The value of the header Retry-After; nil without it.
  var retryAfter: String?

  enum Meaning: Sendable, Hashable {
    case delivered
    /// A retry may succeed; after this delay, if the receiver specifies one.
    case later(Duration?)
    /// A retry needs intervention first: the address or the secret is wrong.
    case refused(String)
    /// The receiver will never accept this notification.
    case hopeless
  }

  /// The longest pause that a receiver can request, in seconds.
  private static let longestPause = 3600

  /// Source for the codes of Slack: "Handling errors" of incoming webhooks.
  var meaning: Meaning {
    switch code {
    case 200..<300: .delivered
    case 408, 409, 425, 429, 500...599: .later(pause)
    case 400, 413, 415, 422: .hopeless
    case 300..<400: .refused("it redirects (\(code)), which is not followed; write the new address")
    case 401, 403: .refused("it does not accept the request (\(code)); check the address and the secret")
    case 404, 410: .refused("it has no such address any more (\(code)); write a new one")
    default: .refused("it answers \(code)")
    }
  }

  private var pause: Duration? {
    retryAfter.flatMap { Int($0) }.map { Duration.seconds(min(max(1, $0), Self.longestPause)) }
  }
}
