/// A condition that did not come true in time.
struct TooLate: Error, CustomStringConvertible {
  let description: String
}

/// Looks again and again until there is something to see.
///
/// - Parameters:
///   - limit: generous: it is reached only where something is wrong.
///   - rhythm: between two looks.
///   - what: completes "within 60 s there was no …".
///   - look: nil where it is not so yet. What it throws ends the wait.
@discardableResult
func eventually<Value: Sendable>(
  within limit: Duration, every rhythm: Duration = .milliseconds(40), _ what: String,
  _ look: () async throws -> Value?
) async throws -> Value {
  let clock = ContinuousClock()
  let end = clock.now + limit
  while true {
    if let found = try await look() { return found }
    guard clock.now < end else { throw TooLate(description: "within \(limit) there was no \(what)") }
    try await clock.sleep(for: rhythm)
  }
}

extension Scene {
  /// Looks again and again until there is something to see, for as long as it may take where the clusters run.
  @discardableResult
  func eventually<Value: Sendable>(
    within limit: Duration? = nil, _ what: String, _ look: () async throws -> Value?
  ) async throws -> Value {
    let backend = fixture.backend
    return try await ScenarioTests.eventually(
      within: limit ?? backend.patience, every: backend.rhythm, what, look)
  }
}

/// Makes sure that something stays as it is for a while.
///
/// - Throws: as soon as it does not.
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

/// How many scenarios run side by side: each has a daemon of its own.
actor Places {
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

  /// Runs something as soon as there is a place for it.
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
