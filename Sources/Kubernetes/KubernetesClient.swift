import ClusterAPI
import Logging
import NIOCore
import Synchronization
import Values

/// A `ClusterAPI` for a real Kubernetes cluster, over HTTPS.
///
/// Requests that are safe to repeat are retried for a few seconds after transient failures. All requests share
/// one rate limit. Call `shutdown()` after use.
public final class KubernetesClient: ClusterAPI {
  /// The user name that the server assigns to the credentials, if they reveal it.
  public let identity: String?
  /// The namespace of the context or of the service account.
  public let namespace: String?
  /// The kubeconfig's context, or `in-cluster`.
  public let label: String

  let server: Server
  let sender: Sender
  let resources: ResourceMap
  let commands: Result<Exec, APIError>
  private let version = Mutex<String?>(nil)

  /// Finds the server and the credentials. Sends no request; `check()` does that.
  /// - Throws: `ConnectionError`.
  public static func connect(_ options: ConnectionOptions, logger: Logger) async throws -> KubernetesClient {
    let server = try await Server.resolve(options)
    return await KubernetesClient(server, options, logger: logger)
  }

  init(_ server: Server, _ options: ConnectionOptions, logger: Logger) async {
    self.server = server
    identity = await server.credentials.identity
    namespace = server.namespace
    label = server.label
    let time = options.time
    let sender = Sender(
      transport: Transport(server, answerTimeout: options.answerTimeout, silence: options.watchSilence),
      limit: RateLimit(perSecond: options.requestsPerSecond, burst: options.burst, time: time),
      policy: RetryPolicy(window: options.retryWindow), time: time, recovery: Recovery(time: time),
      options: options, identity: identity, logger: logger)
    self.sender = sender
    resources = ResourceMap { request throws(APIError) in try await sender.json(request) }
    commands = Self.commands(server, sender)
  }

  /// Closes every connection. Current and later calls and watches fail.
  public func shutdown() async { await sender.transport.shutdown() }

  /// The server's version from `check()`, such as `v1.20.2`.
  public var serverVersion: String? { version.withLock { $0 } }

  /// Requests the server's version.
  /// - Throws: an error that says what the user can do about it.
  @discardableResult
  public func check() async throws(APIError) -> String {
    do {
      let found = try await sender.json(APIRequest(path: "/version"))["gitVersion"]?.string ?? ""
      version.withLock { $0 = found }
      return found
    } catch {
      var explained = error
      explained.message = "\(label) cannot be reached: \(error.message)"
      if error.kind == .unavailable || error.kind == .timeout {
        explained.message += "; check that the server runs and that this is its address"
      }
      throw explained
    }
  }
}

extension Sender {
  /// Sends a request and parses the response as JSON.
  func json(_ request: APIRequest) async throws(APIError) -> JSON {
    let body = try await send(request) { try await $0.collect(upTo: Self.answerLimit) }
    guard let json = JSON(wire: body) else {
      throw APIError(
        .unavailable,
        "\(request.subject): \(transport.server.address): the answer is not JSON; is this an API server?")
    }
    return json
  }
}
