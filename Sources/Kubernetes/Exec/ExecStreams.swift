import NIOCore
import NIOWebSocket

/// Parses the frames that the server sends while a command runs: the output streams and the outcome.
///
/// Never waits: each frame's bytes are kept up to the limit and dropped beyond it, as they arrive.
struct ExecStreams: Sendable {
  /// The action required after a frame.
  enum Event: Equatable {
    case nothing
    case answer(ping: ByteBuffer)
    /// The command has ended; the server is about to close the connection.
    case ended
    /// The server closes the connection.
    case closed
    /// The data violates the protocol, so nothing after it can be used.
    case broken(String)
  }

  private(set) var stdout: [UInt8] = []
  private(set) var stderr: [UInt8] = []
  /// The command's outcome, once the server has sent it.
  private(set) var status: ExecStatus?
  private var statusText: [UInt8] = []
  /// The number of messages in which the status has arrived so far.
  private var statusMessages = 0
  private var message = Message.none
  private let outputLimit: Int

  /// The state of the current message. Only its first frame names the channel.
  private enum Message {
    case none
    /// The message began with an empty frame.
    case unnamed
    case on(UInt8)
  }

  /// The maximum size of a `Status`, in bytes. A longer one is invalid.
  static let statusLimit = 64 << 10
  /// Servers send the status in one message. Each further message costs another parse of the whole text.
  static let statusMessageLimit = 16

  /// - Parameter outputLimit: the number of bytes kept from the start of each stream.
  init(outputLimit: Int) { self.outputLimit = max(0, outputLimit) }

  mutating func take(_ frame: WebSocketFrame) -> Event {
    switch frame.opcode {
    case .ping: return .answer(ping: frame.unmaskedData)
    case .pong: return .nothing
    case .connectionClose: return .closed
    case .binary, .text:
      guard case .none = message else { return .broken("a message began within another") }
      return payload(frame.unmaskedData, isLast: frame.fin)
    case .continuation:
      if case .none = message { return .broken("a message went on that had not begun") }
      return payload(frame.unmaskedData, isLast: frame.fin)
    default: return .broken("it sent a frame of an unknown kind")
    }
  }

  private mutating func payload(_ data: ByteBuffer, isLast: Bool) -> Event {
    var data = data
    let channel: UInt8?
    if case .on(let named) = message { channel = named } else { channel = data.readInteger(as: UInt8.self) }
    message = isLast ? .none : channel.map(Message.on) ?? .unnamed
    switch channel {
    case ExecProtocol.Channel.stdout: Self.keep(data, in: &stdout, upTo: outputLimit)
    case ExecProtocol.Channel.stderr: Self.keep(data, in: &stderr, upTo: outputLimit)
    case ExecProtocol.Channel.error: return statusPart(data, isLast: isLast)
    default: break  // an empty message, or a channel that later servers may add
    }
    return .nothing
  }

  /// The status may arrive in several messages and is complete only after the last.
  private mutating func statusPart(_ data: ByteBuffer, isLast: Bool) -> Event {
    guard status == nil else { return .nothing }
    guard statusText.count + data.readableBytes <= Self.statusLimit else {
      return .broken("it sent no exit status of the command in \(Self.statusLimit) bytes")
    }
    statusText += data.readableBytesView
    guard isLast else { return .nothing }
    status = ExecStatus(statusText)
    guard status == nil else { return .ended }
    statusMessages += 1
    return statusMessages < Self.statusMessageLimit
      ? .nothing : .broken("it sent no exit status of the command in \(Self.statusMessageLimit) messages")
  }

  private static func keep(_ data: ByteBuffer, in stream: inout [UInt8], upTo limit: Int) {
    let space = limit - stream.count
    if space > 0 { stream += data.readableBytesView.prefix(space) }
  }
}
