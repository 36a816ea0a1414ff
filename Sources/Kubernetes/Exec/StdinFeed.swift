import NIOCore

/// Standard input in messages, produced one by one as the connection accepts them.
struct StdinFeed: Sendable {
  /// Bytes of input in a message. Servers read a message as a whole, so it must be small.
  static let chunk = 16 << 10

  private var rest: ArraySlice<UInt8>
  private var mustClose: Bool

  /// - Parameter version: v4 cannot signal the end of the input.
  init(_ bytes: [UInt8], _ version: ExecProtocol) {
    rest = bytes[...]
    mustClose = version == .v5 && !bytes.isEmpty
  }

  var isEmpty: Bool { rest.isEmpty && !mustClose }

  /// Returns the next message; nil after the last one.
  mutating func next(_ allocator: ByteBufferAllocator) -> ByteBuffer? {
    guard !rest.isEmpty else {
      guard mustClose else { return nil }
      mustClose = false
      return allocator.buffer(bytes: [ExecProtocol.Channel.close, ExecProtocol.Channel.stdin])
    }
    let part = rest.prefix(Self.chunk)
    rest = rest.dropFirst(part.count)
    var message = allocator.buffer(capacity: part.count + 1)
    message.writeInteger(ExecProtocol.Channel.stdin)
    message.writeBytes(part)
    return message
  }
}
