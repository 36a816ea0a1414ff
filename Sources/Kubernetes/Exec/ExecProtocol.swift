/// The subprotocol that multiplexes the streams of a command over one websocket.
///
/// Each message begins with a byte that names its channel. Source:
/// `k8s.io/apimachinery/pkg/util/remotecommand`.
enum ExecProtocol: String, Sendable, CaseIterable {
  /// Can close a channel.
  case v5 = "v5.channel.k8s.io"
  /// Cannot close standard input, so a command that reads it must know its length.
  case v4 = "v4.channel.k8s.io"

  /// The protocols offered to the server, the best first.
  static let offer = allCases.map(\.rawValue).joined(separator: ", ")

  enum Channel {
    static let stdin: UInt8 = 0
    static let stdout: UInt8 = 1
    static let stderr: UInt8 = 2
    /// The outcome of the command, as a `Status`.
    static let error: UInt8 = 3
    /// Closes the channel that the second byte names (v5).
    static let close: UInt8 = 255
  }
}
