/// Decides from a peer's messages whether it is still alive.
///
/// A server that waits for a command to read its input does not read pings. So a missing answer means nothing while
/// more input is in transit than fits into the container's pipe.
struct PeerWatch: Sendable {
  enum Action: Equatable { case ping, wait, gone }

  /// A pipe on Linux holds 64 KiB; half of that is always accepted.
  static let certainlyRead = 32 << 10
  /// The number of consecutive pings that may stay unanswered.
  static let allowedMisses = 2

  private var unanswered = 0
  private var mustAnswer: Bool
  private var stdinSent: Bool

  init(stdinCount: Int) {
    mustAnswer = stdinCount <= Self.certainlyRead
    stdinSent = stdinCount == 0
  }

  /// Call this when all input has been passed to the connection.
  mutating func sentStdin() { stdinSent = true }

  /// Call this when the peer has sent something.
  mutating func received(isPong: Bool) {
    unanswered = 0
    if isPong, stdinSent { mustAnswer = true }
  }

  /// Call this when the next ping is due.
  mutating func tick() -> Action {
    guard stdinSent else { return .wait }
    guard mustAnswer else { return .ping }
    guard unanswered < Self.allowedMisses else { return .gone }
    unanswered += 1
    return .ping
  }
}
