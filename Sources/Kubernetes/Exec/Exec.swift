import ClusterAPI
import NIOCore
import NIOSSL
import Synchronization

/// Runs commands in containers, over a websocket to the API server.
///
/// A command is a process of its container and does not end with the connection: after a cancellation, a
/// timeout or a lost connection it may keep running. Callers must only run commands that are safe to repeat.
struct Exec: Sendable {
  /// Returns the id of a running container from its pod's status (`containerd://…`); nil if no container of
  /// that name runs.
  typealias ContainerID =
    @Sendable (_ pod: ObjectName, _ container: String) async throws(APIError) -> String?

  private let server: Server
  private let tls: NIOSSLContext?
  private let group: any EventLoopGroup
  private let clock: any Clock<Duration>
  private let timing: ExecTiming
  private let containerID: ContainerID
  private let onAnswer: @Sendable (_ pod: ObjectName, _ code: Int?) -> Void

  /// - Parameters:
  ///   - clock: the clock for a request's timeout.
  ///   - onAnswer: called with the status of every response, 101 for a command that runs; nil if there was no
  ///     response.
  ///   - containerID: called before a command that must run in one specific container.
  /// - Throws: `.other` if the server's TLS settings cannot be used.
  init(
    server: Server, group: any EventLoopGroup, clock: any Clock<Duration> = ContinuousClock(),
    timing: ExecTiming = ExecTiming(), onAnswer: @escaping @Sendable (ObjectName, Int?) -> Void = { _, _ in },
    containerID: @escaping ContainerID
  ) throws(APIError) {
    self.server = server
    self.group = group
    self.clock = clock
    self.timing = timing
    self.onAnswer = onAnswer
    self.containerID = containerID
    guard var settings = server.tls else {
      tls = nil
      return
    }
    // Websockets over HTTP/2 are not supported here.
    settings.applicationProtocols = ["http/1.1"]
    // All data has been exchanged by then, so there is no need to wait for a peer that does not send its close
    // notification.
    settings.shutdownTimeout = .milliseconds(500)
    do { tls = try NIOSSLContext(configuration: settings) } catch {
      throw APIError(.other, "Server \(server.label): its TLS settings cannot be used: \(error)")
    }
  }

  /// Runs a command and waits for its end.
  ///
  /// - Throws: `.conflict` if the container is not the one in the request; `.notRunning` if none runs;
  ///   `.timeout` after the request's timeout; `.unavailable` if it is unknown how the command ended.
  func run(_ pod: ObjectName, _ request: ExecRequest) async throws(APIError) -> ExecResult {
    guard !request.command.isEmpty, request.command.allSatisfy({ !$0.utf8.contains(0) }) else {
      throw APIError(
        .invalid, "Pod \(pod): a command needs at least one argument, and none may hold a zero byte")
    }
    let opening = OpenedConnection()
    guard let limit = request.timeout else { return try await call(pod, request, opening) }
    let clock = clock
    let outcome = await withTaskGroup(of: ExecHandler.Outcome?.self) { group in
      group.addTask { await self.outcome(pod, request, opening) }
      group.addTask {
        guard (try? await clock.sleep(for: limit)) != nil else { return nil }
        return .failure(
          opening.isOpen
            ? APIError(.timeout, "Pod \(pod): the command had not ended within \(limit)")
            : APIError(.unavailable, "Pod \(pod): the command could not be begun within \(limit)"))
      }
      defer { group.cancelAll() }
      while let ended = await group.next() { if let ended { return ended } }
      return .failure(Self.abandoned(pod))
    }
    return try outcome.get()
  }

  private func outcome(
    _ pod: ObjectName, _ request: ExecRequest, _ opening: OpenedConnection
  ) async -> ExecHandler.Outcome {
    do { return .success(try await call(pod, request, opening)) } catch { return .failure(error) }
  }

  private func call(
    _ pod: ObjectName, _ request: ExecRequest, _ connection: OpenedConnection
  ) async throws(APIError) -> ExecResult {
    if let wanted = request.containerID {
      guard let found = try await containerID(pod, request.container) else {
        throw APIError(.notRunning, "Pod \(pod): container \"\(request.container)\" is not running")
      }
      guard found == wanted else {
        throw APIError(
          .conflict, "Pod \(pod): container \"\(request.container)\" is another one than \(wanted) by now")
      }
    }
    let first = try await ask(pod, request, connection)
    guard case .failure(let refusal) = first, refusal.code == 401 else { return try Self.result(first, pod) }
    // The token may have been replaced since it was read.
    await server.credentials.forget()
    return try Self.result(try await ask(pod, request, connection), pod)
  }

  private static func result(
    _ answer: Result<ExecResult, ExecRefusal>, _ pod: ObjectName
  ) throws(APIError) -> ExecResult {
    switch answer {
    case .success(let result): return result
    case .failure(let refusal): throw refusal.error(pod)
    }
  }

  private func ask(
    _ pod: ObjectName, _ request: ExecRequest, _ connection: OpenedConnection
  ) async throws(APIError) -> Result<ExecResult, ExecRefusal> {
    // Plain HTTP carries no credentials, so they are not read at all.
    let authorization = tls == nil ? nil : try await server.credentials.authorization()
    let opening = ExecOpening(
      server: server, tls: tls, group: group, timing: timing, pod: pod, request: request)
    let line = ExecLine()
    defer { line.close() }
    let answer: ExecOpening.Answer
    do {
      answer = try await withTaskCancellationHandler {
        try await opening.ask(authorization: authorization, on: line)
      } onCancel: {
        line.close()
      }
    } catch {
      onAnswer(pod, nil)
      throw failure(error, pod)
    }
    do {
      return try await withTaskCancellationHandler {
        switch answer {
        case .refused(let refused):
          let refusal = try await refused.get()
          onAnswer(pod, refusal.code)
          return .failure(refusal)
        case .opened(let outcome):
          connection.open()
          onAnswer(pod, 101)
          return .success(try await outcome.get().get())
        }
      } onCancel: {
        line.close()
      }
    } catch {
      throw failure(error, pod)
    }
  }

  private func failure(_ error: any Error, _ pod: ObjectName) -> APIError {
    // Reported as transient, so that it is not mistaken for the end of the command.
    if Task.isCancelled { return Self.abandoned(pod) }
    if let error = error as? APIError { return error }
    let words = TransportFailure(error).words
    return APIError(.unavailable, "Pod \(pod): no command can be begun: \(server.address): \(words)")
  }

  private static func abandoned(_ pod: ObjectName) -> APIError {
    APIError(.unavailable, "Pod \(pod): the caller no longer waits for the command")
  }
}

/// Whether the connection is open. A timeout before that is not a timeout of the command.
private final class OpenedConnection: Sendable {
  private let state = Mutex(false)

  var isOpen: Bool { state.withLock { $0 } }

  func open() { state.withLock { $0 = true } }
}
