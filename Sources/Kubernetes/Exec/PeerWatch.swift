/// Whether the other end of a websocket still lives, judged by what it answers.
///
/// A server that waits for a command to read its input reads no ping either, so nothing is concluded from silence
/// while more input is on the way than the container's pipe holds for certain.
struct PeerWatch: Sendable {
  enum Action: Equatable { case ping, wait, gone }

  /// A pipe on Linux holds 64 KiB; half of that is always taken.
  static let certainlyRead = 32 << 10
  /// How many pings in a row may stay without an answer.
  static let patience = 2

  private var unanswered = 0
  private var mustAnswer: Bool
  private var stdinSent: Bool

  init(stdinCount: Int) {
    mustAnswer = stdinCount <= Self.certainlyRead
    stdinSent = stdinCount == 0
  }

  /// All of the input has been handed to the connection.
  mutating func sentStdin() { stdinSent = true }

  /// The peer sent something.
  mutating func heard(isPong: Bool) {
    unanswered = 0
    if isPong, stdinSent { mustAnswer = true }
  }

  /// It is time for the next ping.
  mutating func tick() -> Action {
    guard stdinSent else { return .wait }
    guard mustAnswer else { return .ping }
    guard unanswered < Self.patience else { return .gone }
    unanswered += 1
    return .ping
  }
}
