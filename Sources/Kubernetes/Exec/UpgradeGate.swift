import NIOCore

/// Buffers the data after the response that opens a websocket, until the pipeline can read the data.
///
/// NIO removes its HTTP decoder from the pipeline shortly after that response. If the connection is closed in
/// between, the data in the decoder is dropped: the whole output of a short command.
final class UpgradeGate: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  /// Sent through the pipeline once websocket frames can be read and written.
  enum Event { case opened }

  private enum State {
    /// The first bytes of the response, and how many bytes of the empty line at its end have arrived.
    case answer(start: [UInt8], ending: Int)
    case holding(ByteBuffer)
    case open
  }

  private var state = State.answer(start: [], ending: 0)

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = unwrapInboundIn(data)
    switch state {
    case .open: context.fireChannelRead(data)
    case .holding(var held):
      held.writeBuffer(&bytes)
      state = .holding(held)
    case .answer(let start, let ending):
      let rest = afterAnswer(&bytes, start, ending)
      context.fireChannelRead(wrapInboundOut(bytes))
      if let rest { state = rest.isSwitching ? .holding(rest.bytes) : .open }
      if let rest, !rest.isSwitching, rest.bytes.readableBytes > 0 {
        context.fireChannelRead(wrapInboundOut(rest.bytes))
      }
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    context.fireUserInboundEventTriggered(event)
    guard event is Event, case .holding(let held) = state else { return }
    state = .open
    if held.readableBytes > 0 {
      context.fireChannelRead(wrapInboundOut(held))
      context.fireChannelReadComplete()
    }
  }

  /// Returns the data after the response's head; nil if the head is not complete yet.
  private func afterAnswer(
    _ bytes: inout ByteBuffer, _ start: [UInt8], _ ending: Int
  ) -> (bytes: ByteBuffer, isSwitching: Bool)? {
    let status = Array("HTTP/1.1 101".utf8)
    let start = start + bytes.readableBytesView.prefix(status.count - start.count)
    var ending = ending
    for (index, byte) in bytes.readableBytesView.enumerated() {
      let expected: UInt8 = ending % 2 == 0 ? 0x0D : 0x0A
      ending = byte == expected ? ending + 1 : byte == 0x0D ? 1 : 0
      guard ending == 4 else { continue }
      let head = bytes.readSlice(length: index + 1) ?? ByteBuffer()
      defer { bytes = head }
      return (bytes.slice(), start == status)
    }
    state = .answer(start: start, ending: ending)
    return nil
  }
}
