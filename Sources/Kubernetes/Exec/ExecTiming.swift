import NIOCore

/// The timeouts for the connection to the server.
struct ExecTiming: Sendable {
  /// Until the connection is established.
  var connect = TimeAmount.seconds(10)
  /// From the connection to the end of the response that opens or refuses the websocket.
  var answer = TimeAmount.seconds(30)
  /// The interval between two pings.
  var ping = TimeAmount.seconds(30)
  /// Until the server closes the connection after it has reported the command's outcome.
  var grace = TimeAmount.seconds(2)
}
