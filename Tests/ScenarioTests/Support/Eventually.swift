/// A condition that did not become true in time.
struct TooLate: Error, CustomStringConvertible {
  let description: String
}

/// Polls until a value is available.
///
/// - Parameters:
///   - limit: generous, because only a failure reaches it.
///   - pollInterval: the polling interval.
///   - what: completes "within 60 s there was no …".
///   - look: nil while there is no value. An error that it throws ends the wait.
@discardableResult
func eventually<Value: Sendable>(
  within limit: Duration, every pollInterval: Duration = .milliseconds(40), _ what: String,
  _ look: () async throws -> Value?
) async throws -> Value {
  let clock = ContinuousClock()
  let end = clock.now + limit
  while true {
    if let found = try await look() { return found }
    guard clock.now < end else { throw TooLate(description: "within \(limit) there was no \(what)") }
    try await clock.sleep(for: pollInterval)
  }
}

extension Scene {
  /// Polls until a value is available, within the timeout of the backend.
  @discardableResult
  func eventually<Value: Sendable>(
    within limit: Duration? = nil, _ what: String, _ look: () async throws -> Value?
  ) async throws -> Value {
    let backend = fixture.backend
    return try await ScenarioTests.eventually(
      within: limit ?? backend.timeout, every: backend.pollInterval, what, look)
  }
}

/// Verifies that a condition stays true for a while.
///
/// - Throws: as soon as it is false.
func staying(
  for time: Duration, _ what: String, _ look: () async throws -> Bool
) async throws {
  let clock = ContinuousClock()
  let end = clock.now + time
  while clock.now < end {
    guard try await look() else { throw TooLate(description: "it did not stay so: \(what)") }
    try await clock.sleep(for: .milliseconds(100))
  }
}

/// Limits how many scenarios run in parallel: each has a daemon of its own.
actor ParallelLimit {
  private var free: Int
  private var waiters: [CheckedContinuation<Void, Never>] = []

  init(_ count: Int) { free = count }

  private func take() async {
    if free > 0 {
      free -= 1
    } else {
      await withCheckedContinuation { waiters.append($0) }
    }
  }

  /// Runs the body as soon as the limit allows it.
  nonisolated func with<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
    await take()
    do {
      let value = try await body()
      await giveBack()
      return value
    } catch {
      await giveBack()
      throw error
    }
  }

  private func giveBack() {
    if waiters.isEmpty { free += 1 } else { waiters.removeFirst().resume() }
  }
}
