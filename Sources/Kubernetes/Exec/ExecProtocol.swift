/// How the streams of a command share one websocket.
///
/// Each message begins with a byte that names its channel. Source: `k8s.io/apimachinery/pkg/util/remotecommand`.
enum ExecProtocol: String, Sendable, CaseIterable {
  /// Knows how to close a channel.
  case v5 = "v5.channel.k8s.io"
  /// Cannot close standard input, so whoever reads it there must know how much comes.
  case v4 = "v4.channel.k8s.io"

  /// What is offered to the server, the best first.
  static let offer = allCases.map(\.rawValue).joined(separator: ", ")

  enum Channel {
    static let stdin: UInt8 = 0
    static let stdout: UInt8 = 1
    static let stderr: UInt8 = 2
    /// How the command ended, as a `Status`.
    static let error: UInt8 = 3
    /// The channel in the second byte is closed (v5).
    static let close: UInt8 = 255
  }
}
