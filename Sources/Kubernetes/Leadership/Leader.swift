import Synchronization

/// A term of leading: for as long as it is proved that nobody else can have taken the lease.
public struct Leader: Sendable {
  /// Who leads, as the lease says it.
  public let identity: String
  let proof: Proof

  /// False from the moment when another may lead. Judged by a clock that goes on while the process is stopped.
  public var isProven: Bool { proof.holds }
}

/// Until when a leader may act.
final class Proof: Sendable {
  private let time: SteadyTime
  /// Nil once it has been lost; it does not come back.
  private let end: Mutex<Duration?>

  init(until end: Duration, _ time: SteadyTime) {
    self.time = time
    self.end = Mutex(end)
  }

  var holds: Bool {
    guard let until else { return false }
    return time.now() < until
  }

  var until: Duration? { end.withLock { $0 } }

  /// A proof that has run out stays so: what waited for it has been told.
  func extend(until later: Duration) {
    let now = time.now()
    end.withLock { end in
      if let present = end { end = now < present ? max(present, later) : nil }
    }
  }

  func revoke() { end.withLock { $0 = nil } }

  /// Waits until it has run out by the clock, or the task is cancelled.
  func wait() async throws {
    while let until, time.now() < until { try await time.sleep(until) }
  }
}

/// The lease was lost while something ran under it. Whoever wants to lead again stands again.
public struct LeadershipLost: Error, Sendable, Hashable, CustomStringConvertible {
  /// Nil where nobody is known to have taken it.
  public var holder: String?
  public var description: String
}
