import ClusterAPI
import Logging
import NIOSSL
import Synchronization
import TestSupport
import Testing

@testable import Kubernetes

/// Runs the real client against a stub server over plain HTTP, and stops both.
/// - Parameters:
///   - clock: by default one that skips sleeps, so that waits between attempts take no time.
///   - isUsedUp: whether every answer must have been requested.
func withStub(
  _ answers: [StubAnswer], clock: any Clock<Duration> = SkippingClock(),
  credentials: any Credentials = FakeCredentials(),
  isUsedUp: Bool = true, options change: (inout ConnectionOptions) -> Void = { _ in },
  _ body: (KubernetesClient, StubServer) async throws -> Void
) async throws {
  let stub = StubServer(answers)
  let port = try await stub.start()
  let server = Server(
    host: "127.0.0.1", port: port, path: "", tls: nil, serverName: nil, credentials: credentials,
    namespace: nil, label: "stub")
  try await using(server, clock: clock, options: change, stopping: stub) { client in
    try await body(client, stub)
    if isUsedUp { #expect(stub.unusedAnswers == 0, "the client asked less often than scripted") }
  }
}

/// Runs the real client against a server, and stops both.
func using(
  _ server: Server, clock: any Clock<Duration> = SkippingClock(),
  options change: (inout ConnectionOptions) -> Void = { _ in }, stopping stub: StubServer,
  _ body: (KubernetesClient) async throws -> Void
) async throws {
  var options = ConnectionOptions()
  options.clock = clock
  options.random = { 0.5 }
  options.answerTimeout = .seconds(120)
  change(&options)
  let client = await KubernetesClient(server, options, logger: Logger(label: "test"))
  let outcome: Result<Void, any Error>
  do { outcome = .success(try await body(client)) } catch { outcome = .failure(error) }
  await client.shutdown()
  await stub.stop()
  try outcome.get()
}

/// Anonymous credentials.
struct FakeCredentials: Credentials {
  var identity: String? { nil }
  func authorization() -> String? { nil }
  func forget() {}
}

/// Returns the error of a call; the test fails if there was none.
func failure(
  of call: () async throws -> some Any, sourceLocation: SourceLocation = #_sourceLocation
) async throws -> APIError {
  do {
    _ = try await call()
  } catch let error as APIError {
    return error
  }
  Issue.record("the call was expected to fail", sourceLocation: sourceLocation)
  throw CancellationError()
}

/// Records the events of a test, in order.
final class Recorder<Value: Sendable>: Sendable {
  private let values = Mutex<[Value]>([])

  var all: [Value] { values.withLock { $0 } }
  func add(_ value: Value) { values.withLock { $0.append(value) } }
}
