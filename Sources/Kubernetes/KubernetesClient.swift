import ClusterAPI
import Logging
import NIOCore
import Synchronization
import Values

/// The port to a real Kubernetes, over HTTPS.
///
/// Requests that may be repeated are, for a few seconds, after failures that pass by themselves; all share one rate
/// limit. Whoever connects also calls `shutdown()`.
public final class KubernetesClient: ClusterAPI {
  /// Who the server knows us as, where that can be told from the credentials.
  public let identity: String?
  /// The namespace that the context, or the service account, names.
  public let namespace: String?
  /// The kubeconfig's context, or `in-cluster`.
  public let label: String

  let server: Server
  let sender: Sender
  let resources: ResourceMap
  let commands: Result<Exec, APIError>
  private let version = Mutex<String?>(nil)

  /// Finds the server and the credentials. Nothing is sent yet; `check()` does that.
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

  /// Closes every connection. Calls and watches that still run fail; so does what comes later.
  public func shutdown() async { await sender.transport.shutdown() }

  /// What the server said in `check()`, such as `v1.20.2`.
  public var serverVersion: String? { version.withLock { $0 } }

  /// Asks the server for its version.
  /// - Throws: an error that says what to do about it.
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
  /// Sends a request and reads its answer as JSON.
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
