import AsyncHTTPClient
import Diagnostics
import FoundationEssentials
import NIOCore

/// Sends single requests to targets. Only files and the network; decides nothing.
actor DeliveryConnection {
  enum Outcome: Sendable {
    case answered(DeliveryAnswer)
    case unreachable(String)
    /// The address or the secret cannot be read.
    case unusable(String)
  }

  private let installation: String
  /// Created with the first request, because a client must be shut down once it exists.
  private var client: HTTPClient?

  private static let timeout = TimeAmount.seconds(10)
  private static let answerLimit = 64 << 10
  /// The largest file of an address or a secret, in bytes.
  private static let fileLimit = 16 << 10

  init(installation: String) { self.installation = installation }

  /// - Parameter now: in whole seconds since 1970.
  func send(_ notification: StatusNotification, to target: NotificationTarget, now: Int) async -> Outcome {
    let url: String
    let content: OutgoingRequest
    do throws(Unusable) {
      url = try Self.url(of: target)
      content = try outgoing(notification, target, now)
    } catch {
      return .unusable(error.words)
    }
    var request = HTTPClientRequest(url: url)
    request.method = .POST
    for (name, value) in content.headers { request.headers.add(name: name, value: value) }
    request.body = .bytes(content.body)
    let client = client ?? Self.connections()
    self.client = client
    do {
      let response = try await client.execute(request, timeout: Self.timeout)
      // The body is read so that the connection can be used again; nothing in it matters.
      _ = try? await response.body.collect(upTo: Self.answerLimit)
      return .answered(
        DeliveryAnswer(
          code: Int(response.status.code), retryAfter: response.headers.first(name: "retry-after")))
    } catch {
      return .unreachable("it cannot be reached (\(Redaction.strict("\(error)")))")
    }
  }

  func close() async {
    let last = client
    client = nil
    try? await last?.shutdown()
  }

  private struct Unusable: Error { var words: String }

  private func outgoing(
    _ notification: StatusNotification, _ target: NotificationTarget, _ now: Int
  ) throws(Unusable) -> OutgoingRequest {
    switch target.kind {
    case .slack: return notification.slackRequest(installation: installation)
    case .webhook:
      let secret = try target.secretFile.map { (file) throws(Unusable) in
        Array(try Self.line(of: file, "secretFile").utf8)
      }
      return notification.signedRequest(installation: installation, secret: secret, now: now)
    }
  }

  private static func url(of target: NotificationTarget) throws(Unusable) -> String {
    switch target.address {
    case .url(let url): return url
    case .file(let file):
      let url = try line(of: file, "urlFile")
      // The address itself is not shown: it is a secret.
      if let words = NotificationTarget.problem(url: url) {
        throw Unusable(words: "the address in \(file) \(words)")
      }
      return url
    }
  }

  /// The only line of a file.
  private static func line(of file: String, _ setting: String) throws(Unusable) -> String {
    let content = FileManager.default.contents(atPath: file) ?? Data()
    let words = String(decoding: content.prefix(fileLimit), as: UTF8.self).split(
      whereSeparator: \.isWhitespace)
    guard words.count == 1 else {
      throw Unusable(words: "\(file) cannot be read, or is not one line without spaces; check \(setting)")
    }
    return String(words[0])
  }

  /// Creates the HTTP client. Redirects are disallowed, because the redirect's target would receive the notification.
  private static func connections() -> HTTPClient {
    var configuration = HTTPClient.Configuration(
      redirectConfiguration: .disallow, timeout: .init(connect: timeout, read: timeout))
    configuration.httpVersion = .http1Only
    return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }
}
