import NIOCore

/// How long this end waits for the other.
struct ExecTiming: Sendable {
  /// For the connection.
  var connect = TimeAmount.seconds(10)
  /// From the connection to the end of the answer that opens the websocket or refuses to.
  var answer = TimeAmount.seconds(30)
  /// Between two pings.
  var ping = TimeAmount.seconds(30)
  /// For the server to close after it has told how the command ended.
  var grace = TimeAmount.seconds(2)
}
