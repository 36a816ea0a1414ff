import AsyncHTTPClient
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// The connections to one server.
///
/// Watches hold their connections for as long as they run, so they have a separate pool and never delay other
/// calls.
final class Transport: Sendable {
  let server: Server
  let group: MultiThreadedEventLoopGroup
  private let base: String
  private let calls: HTTPClient
  private let watches: HTTPClient

  /// - Parameters:
  ///   - answerTimeout: the time until a response begins, and between two parts of it.
  ///   - silence: the time that a watch may receive no data.
  init(_ server: Server, answerTimeout: Duration, silence: Duration) {
    self.server = server
    group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    // If the name to verify differs from the host to connect to, the request uses the name to verify, and DNS
    // resolution is overridden to return the host.
    let name = server.serverName ?? server.host
    let host = name.contains(":") ? "[\(name)]" : name
    base = "\(server.tls == nil ? "http" : "https")://\(host):\(server.port)\(server.path)"

    var configuration = HTTPClient.Configuration(
      tlsConfiguration: server.tls, redirectConfiguration: .disallow,
      timeout: .init(connect: .seconds(10), read: .init(answerTimeout)), decompression: .disabled)
    configuration.httpVersion = .http1Only
    if let override = server.serverName { configuration.dnsOverride = [override: server.host] }
    configuration.connectionPool.retryConnectionEstablishment = false
    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 8
    calls = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: configuration)

    configuration.timeout.read = .init(silence)
    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 10_000
    watches = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: configuration)
  }

  /// Sends a request once, without retries.
  func execute(
    _ request: APIRequest, authorization: String?, timeout: Duration
  ) async throws -> HTTPClientResponse {
    var message = HTTPClientRequest(url: base + request.path)
    message.method = request.verb.method
    message.headers.add(name: "Accept", value: "application/json")
    message.headers.add(name: "User-Agent", value: "kdops")
    if let authorization, server.tls != nil {
      message.headers.add(name: "Authorization", value: authorization)
    }
    if let body = request.body {
      message.headers.add(name: "Content-Type", value: request.contentType)
      message.body = .bytes(body)
    }
    let client = request.verb == .watch ? watches : calls
    return try await client.execute(message, timeout: .init(timeout))
  }

  /// Closes every connection. Calls and watches in progress fail.
  func shutdown() async {
    // These fail only after an earlier shutdown.
    try? await calls.shutdown()
    try? await watches.shutdown()
    try? await group.shutdownGracefully()
  }
}
