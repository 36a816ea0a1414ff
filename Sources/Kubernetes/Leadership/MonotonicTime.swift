import ClusterAPI

/// The time of a monotonic clock as a duration since a fixed instant, with the clock's type erased.
struct MonotonicTime: Sendable {
  let now: @Sendable () -> Duration
  /// Waits until that time. Throws when the task is cancelled.
  let sleep: @Sendable (_ until: Duration) async throws -> Void

  init<C: Clock>(_ clock: C) where C.Duration == Duration {
    let origin = clock.now
    now = { origin.duration(to: clock.now) }
    sleep = { until in try await clock.sleep(until: origin.advanced(by: until), tolerance: nil) }
  }

  private enum Event<T: Sendable>: Sendable {
    case ended(Result<T, APIError>)
    /// False if the wait was cancelled.
    case deadline(Bool)
  }

  /// Returns the result of the work. At `deadline` the work is cancelled; if it then fails, `.timeout` is
  /// thrown with the work's message.
  func limit<T: Sendable>(
    to deadline: Duration, _ what: String,
    _ work: @escaping @Sendable () async throws(APIError) -> T
  ) async throws(APIError) -> T {
    let outcome = await withTaskGroup(of: Event<T>.self) { group in
      group.addTask {
        do throws(APIError) { return .ended(.success(try await work())) } catch {
          return .ended(.failure(error))
        }
      }
      group.addTask { .deadline((try? await sleep(deadline)) != nil) }
      var isLate = false
      while let event = await group.next() {
        switch event {
        case .ended(.failure(let error)) where isLate:
          return Result<T, APIError>.failure(
            APIError(.timeout, "\(what): no answer in time; \(error.message)"))
        case .ended(let outcome):
          group.cancelAll()
          return outcome
        case .deadline(let hasCome):
          isLate = hasCome
          group.cancelAll()
        }
      }
      return .failure(APIError(.unavailable, "\(what): the caller no longer waits for the answer"))
    }
    return try outcome.get()
  }
}
