import Synchronization

/// A leadership term: valid while it is certain that no other candidate can have taken the lease.
public struct Leader: Sendable {
  /// The leader's identity in the lease.
  public let identity: String
  let proof: Proof

  /// False as soon as another candidate may lead. Uses a clock that continues while the process is suspended.
  public var isProven: Bool { proof.holds }
}

/// The deadline until which a leader may act.
final class Proof: Sendable {
  private let time: MonotonicTime
  /// Nil once leadership has been lost; it is never set again.
  private let end: Mutex<Duration?>

  init(until end: Duration, _ time: MonotonicTime) {
    self.time = time
    self.end = Mutex(end)
  }

  var holds: Bool {
    guard let until else { return false }
    return time.now() < until
  }

  var until: Duration? { end.withLock { $0 } }

  /// An expired proof is never extended, because its expiry has already been reported.
  func extend(until later: Duration) {
    let now = time.now()
    end.withLock { end in
      if let present = end { end = now < present ? max(present, later) : nil }
    }
  }

  func revoke() { end.withLock { $0 = nil } }

  /// Waits until the proof has expired or the task is cancelled.
  func wait() async throws {
    while let until, time.now() < until { try await time.sleep(until) }
  }
}

/// The lease was lost while the body ran. To lead again, call `hold` again.
public struct LeadershipLost: Error, Sendable, Hashable, CustomStringConvertible {
  /// Nil if no new holder is known.
  public var holder: String?
  public var description: String
}
