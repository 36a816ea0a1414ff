import NIOCore

/// The timeouts for the connection to the server.
struct ExecTiming: Sendable {
  /// The time limit for establishing the connection.
  var connect = TimeAmount.seconds(10)
  /// The time limit from the connection to the end of the response that opens or refuses the websocket.
  var answer = TimeAmount.seconds(30)
  /// The interval between two pings.
  var ping = TimeAmount.seconds(30)
  /// The time limit for the server to close the connection after it has reported the command's outcome.
  var grace = TimeAmount.seconds(2)
}
