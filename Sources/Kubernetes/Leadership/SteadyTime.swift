import ClusterAPI

/// A clock's time as a length since some moment, whatever clock it is.
struct SteadyTime: Sendable {
  let now: @Sendable () -> Duration
  /// Waits until that time; throws when the task is cancelled.
  let sleep: @Sendable (_ until: Duration) async throws -> Void

  init<C: Clock>(_ clock: C) where C.Duration == Duration {
    let origin = clock.now
    now = { origin.duration(to: clock.now) }
    sleep = { until in try await clock.sleep(until: origin.advanced(by: until), tolerance: nil) }
  }

  /// The work's outcome, or `.timeout` at `deadline`; the work is cancelled then.
  func limit<T: Sendable>(
    to deadline: Duration, _ what: String,
    _ work: @escaping @Sendable () async throws(APIError) -> T
  ) async throws(APIError) -> T {
    let outcome = await withTaskGroup(of: Result<T, APIError>?.self) { group in
      group.addTask {
        do throws(APIError) { return .success(try await work()) } catch { return .failure(error) }
      }
      group.addTask {
        guard (try? await sleep(deadline)) != nil else { return nil }
        return .failure(APIError(.timeout, "\(what): no answer in time"))
      }
      defer { group.cancelAll() }
      while let first = await group.next() { if let first { return first } }
      return .failure(APIError(.unavailable, "\(what): nobody waits for the answer any more"))
    }
    return try outcome.get()
  }
}
