import AsyncHTTPClient
import Diagnostics
import FoundationEssentials
import NIOCore

/// Sends single requests to a forge. Decides nothing.
actor ForgeConnection {
  enum Failure: Error, Sendable {
    /// The token cannot be read.
    case noToken(String)
    /// The forge cannot be reached.
    case away(String)
    /// The answer exceeds the limit.
    case tooLarge(String)
  }

  private let tokenFile: String
  /// Created with the first request, because a client must be shut down once it exists.
  private var client: HTTPClient?

  private static let timeout = TimeAmount.seconds(10)
  private static let answerLimit = 8 << 20

  /// - Parameter tokenFile: the file with the access token, read again for each request.
  init(tokenFile: String) { self.tokenFile = tokenFile }

  func token() throws(Failure) -> String {
    let bytes = FileManager.default.contents(atPath: tokenFile) ?? Data()
    let token = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace)
    guard token.count == 1 else {
      throw .noToken("\(tokenFile) cannot be read, or holds no single token; check forge.tokenFile")
    }
    return String(token[0])
  }

  func send(_ call: CommitCall) async throws(Failure) -> ForgeAnswer {
    var request = HTTPClientRequest(url: call.url)
    request.method = .init(rawValue: call.method.rawValue)
    for (name, value) in call.headers { request.headers.add(name: name, value: value) }
    if let body = call.body { request.body = .bytes(Array(body.utf8)) }
    let client = client ?? Self.connections()
    self.client = client
    do {
      let response = try await client.execute(request, timeout: Self.timeout)
      let body = try await response.body.collect(upTo: Self.answerLimit)
      let headers = response.headers.map { ($0.name.lowercased(), $0.value) }
      return ForgeAnswer(
        code: Int(response.status.code), headers: Dictionary(headers, uniquingKeysWith: { $1 }),
        body: Array(buffer: body))
    } catch is NIOTooManyBytesError {
      throw .tooLarge("it answers with more than \(Self.answerLimit) bytes")
    } catch {
      throw .away("it cannot be reached (\(Redaction.url("\(error)")))")
    }
  }

  func close() async {
    let last = client
    client = nil
    try? await last?.shutdown()
  }

  /// Creates the HTTP client. Redirects are disallowed, because the redirect's target would receive the
  /// token.
  private static func connections() -> HTTPClient {
    var configuration = HTTPClient.Configuration(
      redirectConfiguration: .disallow, timeout: .init(connect: timeout, read: timeout))
    configuration.httpVersion = .http1Only
    return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }
}
