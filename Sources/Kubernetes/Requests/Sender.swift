import AsyncHTTPClient
import ClusterAPI
import Logging
import NIOCore

/// Sends requests and retries them, within limits.
struct Sender: Sendable {
  let transport: Transport
  let limit: RateLimit
  let policy: RetryPolicy
  let time: Timekeeper
  let recovery: Recovery
  let options: ConnectionOptions
  let identity: String?
  let logger: Logger

  /// The maximum size of a response, in bytes; a page of 500 large objects fits.
  static let answerLimit = 256 << 20
  /// The maximum number of bytes that are read of an error response.
  private static let errorLimit = 1 << 20

  private enum Outcome<Answer: Sendable>: Sendable {
    case done(Answer)
    case answered(ServerAnswer)
    case failed(TransportFailure)
  }

  /// Sends a request, retries it if that is safe and may help, and passes the response's body on.
  /// - Parameter read: called with the body of a successful response; an error that it throws counts as an
  ///   interrupted response.
  func send<Answer: Sendable>(
    _ request: APIRequest, read: @Sendable (HTTPClientResponse.Body) async throws -> Answer
  ) async throws(APIError) -> Answer {
    let start = time.elapsed()
    var tries = 0
    var isRenewed = false
    while true {
      tries += 1
      let outcome = try await attempt(request, read: read)
      let error: APIError
      let mayRepeat: Bool
      switch outcome {
      case .done(let answer): return answer
      case .answered(let answer):
        if answer.code == 401, !isRenewed {
          isRenewed = true
          await transport.server.credentials.forget()
          continue
        }
        if answer.meansUnavailable { recovery.serverWasUnavailable() }
        let said = answer.error(request, identity: identity)
        error = recovery.judged(said)
        // A refused request had no effect.
        let isRefusalThatPasses = error.kind != said.kind
        mayRepeat =
          answer.isPassing && (request.isRepeatable || answer.code == 429) || isRefusalThatPasses
      case .failed(let failure):
        if failure.neverSent, !failure.isFinal { recovery.serverWasUnavailable() }
        error = failure.error(request.subject, at: transport.server)
        mayRepeat = !failure.isFinal && (request.isRepeatable || failure.neverSent)
      }
      guard mayRepeat,
        let wait = policy.wait(
          afterTries: tries, elapsed: time.elapsed() - start, retryAfter: error.retryAfter,
          random: options.random())
      else { throw error }
      // If the caller is cancelled during the wait, the last error is thrown.
      guard (try? await time.sleep(wait)) != nil else { throw error }
    }
  }

  private func attempt<Answer: Sendable>(
    _ request: APIRequest, read: @Sendable (HTTPClientResponse.Body) async throws -> Answer
  ) async throws(APIError) -> Outcome<Answer> {
    // A leader must not lose its lease because its own requests wait in the queue.
    if request.resource?.group != Resource.leases.group {
      do { try await limit.take() } catch { throw Self.cancelled(request) }
    }
    let authorization = try await transport.server.credentials.authorization()
    do {
      let response = try await transport.execute(
        request, authorization: authorization, timeout: options.answerTimeout)
      let code = Int(response.status.code)
      note(request, code: code)
      guard (200..<300).contains(code) else {
        let body = try? await response.body.collect(upTo: Self.errorLimit)
        return .answered(
          ServerAnswer(
            code: code, body: body, retryAfter: response.headers.first(name: "Retry-After"), wall: time.wall()
          ))
      }
      do { return .done(try await read(response.body)) } catch { return .failed(TransportFailure(error)) }
    } catch {
      note(request, code: nil)
      return .failed(TransportFailure(error))
    }
  }

  private func note(_ request: APIRequest, code: Int?) {
    note(request.record(code: code))
  }

  /// Reports a request to the log and the observer.
  func note(_ record: RequestRecord) {
    logger.debug("request", metadata: ["request": "\(record)"])
    options.onRequest(record)
  }

  private static func cancelled(_ request: APIRequest) -> APIError {
    APIError(.unavailable, "\(request.subject): the caller no longer waited for the answer")
  }
}
