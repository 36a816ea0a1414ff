import ClusterAPI
import NIOCore
import NIOWebSocket

/// The last handler of a websocket's pipeline while a command runs. It writes standard input as the connection
/// accepts it, reads the output, and fulfils its promise once: when the command has ended, or when its result
/// can no longer arrive.
final class ExecHandler: ChannelDuplexHandler {
  typealias InboundIn = WebSocketFrame
  typealias OutboundIn = Never
  typealias OutboundOut = WebSocketFrame
  typealias Outcome = Result<ExecResult, APIError>

  private let pod: ObjectName
  private let timing: ExecTiming
  private let outcome: EventLoopPromise<Outcome>
  private var streams: ExecStreams
  private var stdin: StdinFeed
  private var peer: PeerWatch
  /// The server's last ping, until the connection accepts the answer.
  private var ping: ByteBuffer?
  private var timer: Scheduled<Void>?
  private var isOpen = false
  private var isFeeding = false
  private var isOver = false

  init(
    _ pod: ObjectName, _ request: ExecRequest, _ version: ExecProtocol, _ timing: ExecTiming,
    outcome: EventLoopPromise<Outcome>
  ) {
    self.pod = pod
    self.timing = timing
    self.outcome = outcome
    streams = ExecStreams(outputLimit: request.outputLimit)
    stdin = StdinFeed(request.stdin, version)
    peer = PeerWatch(stdinCount: request.stdin.count)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    // Nothing may be written before this event. The server may already have closed the connection; reading
    // continues, because its remaining data arrives before the handler is removed.
    if event is UpgradeGate.Event, context.channel.isActive {
      isOpen = true
      wake(in: timing.ping, context) { $0.tick($1) }
      feed(context)
    }
    context.fireUserInboundEventTriggered(event)
  }

  func handlerRemoved(context: ChannelHandlerContext) { cut() }

  func channelInactive(context: ChannelHandlerContext) {
    cut()
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    cut(because: TransportFailure(error).words)
    context.close(promise: nil)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    feed(context)
    context.fireChannelWritabilityChanged()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isOver else { return }
    let frame = unwrapInboundIn(data)
    peer.received(isPong: frame.opcode == .pong)
    switch streams.take(frame) {
    case .nothing: break
    case .answer(let data):
      ping = data
      feed(context)
    case .ended:
      // The streams are usually complete by now. A server may report the end before the last bytes, so it gets
      // a short time to close the connection.
      wake(in: timing.grace, context) { $0.leave($1) }
    case .closed: leave(context)
    case .broken(let how):
      cut(because: "the server broke the protocol: \(how)")
      context.close(promise: nil)
    }
  }

  /// Writes as much as the connection accepts now.
  private func feed(_ context: ChannelHandlerContext) {
    // A flush may call this method again. The call that is in progress then continues in the loop below.
    guard isOpen, !isFeeding, !isOver else { return }
    isFeeding = true
    defer { isFeeding = false }
    while !isOver, context.channel.isWritable {
      if let data = ping {
        ping = nil
        send(.pong, data, context)
      } else if let message = stdin.next(context.channel.allocator) {
        send(.binary, message, context)
        if stdin.isEmpty { peer.sentStdin() }
      } else {
        break
      }
    }
  }

  private func send(_ opcode: WebSocketOpcode, _ data: ByteBuffer, _ context: ChannelHandlerContext) {
    let frame = WebSocketFrame(fin: true, opcode: opcode, maskKey: .random(), data: data)
    context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
  }

  private func tick(_ context: ChannelHandlerContext) {
    switch peer.tick() {
    case .gone:
      cut(because: "the node has not answered for a while")
      return context.close(promise: nil)
    case .ping: send(.ping, context.channel.allocator.buffer(capacity: 0), context)
    case .wait: break
    }
    wake(in: timing.ping, context) { $0.tick($1) }
  }

  /// Closes the websocket, because no more data is needed.
  private func leave(_ context: ChannelHandlerContext) {
    cut()
    send(.connectionClose, context.channel.allocator.buffer(integer: UInt16(1000)), context)
    context.close(promise: nil)
  }

  /// Ends reading. The data received so far decides the outcome.
  private func cut(because reason: String? = nil) {
    guard !isOver else { return }
    isOver = true
    timer?.cancel()
    switch streams.status {
    case .exited(let code):
      outcome.succeed(
        .success(ExecResult(exitCode: code, stdout: streams.stdout, stderr: streams.stderr)))
    case .failed(let said):
      outcome.succeed(
        .failure(
          APIError(ExecErrorText.kind(said), "Pod \(pod): the command did not run to its end: \(said)")))
    case nil:
      let detail = reason.map { " (\($0))" } ?? ""
      outcome.succeed(
        .failure(
          APIError(
            .unavailable,
            "Pod \(pod): the connection ended before the command's exit code came\(detail); it can be asked for again"
          )
        ))
    }
  }

  /// Replaces the current timer.
  private func wake(
    in delay: TimeAmount, _ context: ChannelHandlerContext,
    _ action: @escaping (ExecHandler, ChannelHandlerContext) -> Void
  ) {
    timer?.cancel()
    timer = context.eventLoop.assumeIsolated().scheduleTask(in: delay) { action(self, context) }
  }
}
