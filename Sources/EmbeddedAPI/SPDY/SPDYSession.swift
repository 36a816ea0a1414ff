/// The streams of one command over SPDY/3.1: one each for standard input, standard output, standard error, and the
/// outcome. Clients open all of them.
///
/// Versions of `kubectl` before 1.31 use it, where later ones use a WebSocket.
/// Source: `k8s.io/client-go/tools/remotecommand`.
struct SPDYSession: Sendable {
  /// The protocol on the streams, in which the outcome is a `Status`.
  static let version = "v4.channel.k8s.io"
  static let name = "SPDY/3.1"

  /// The channels that the client still has to open.
  private var missing: Set<UInt8>
  /// The stream of each channel.
  private var streams: [UInt8: UInt32] = [:]
  private var input = ExecInput()
  private var received: [UInt8] = []
  private var inflater = Inflater(dictionary: SPDYHeaders.dictionary)

  init(_ call: ExecCall) {
    missing = [ExecMessage.Channel.error]
    if call.hasStdin { missing.insert(ExecMessage.Channel.stdin) }
    if call.hasStdout { missing.insert(ExecMessage.Channel.stdout) }
    if call.hasStderr { missing.insert(ExecMessage.Channel.stderr) }
  }

  /// Whether all streams are open, and the client sends no more standard input.
  var isReady: Bool {
    missing.isEmpty && (streams[ExecMessage.Channel.stdin] == nil || input.isClosed)
  }

  var stdin: [UInt8] { input.bytes }

  /// Takes what the client has sent.
  ///
  /// - Returns: the answers.
  /// - Throws: if the connection cannot continue.
  mutating func receive(_ bytes: some Sequence<UInt8>) throws(APIFailure) -> [UInt8] {
    received += bytes
    var answers: [UInt8] = []
    while let frame = try SPDYFrame.take(from: &received) {
      switch frame {
      case .open(let stream, let headers, let isEnd): answers += try open(stream, headers, isEnd)
      case .data(let stream, let data, let isEnd):
        guard stream == streams[ExecMessage.Channel.stdin], !input.isClosed else { break }
        try input.take([ExecMessage.Channel.stdin] + data)
        if isEnd { try closeInput() }
      case .reset(let stream):
        if stream == streams[ExecMessage.Channel.stdin] { try closeInput() }
      // The server sends no pings of its own, so that each is one of the client.
      case .ping(let identifier): answers += SPDYFrame.pong(identifier)
      case .other: break
      }
    }
    return answers
  }

  private mutating func open(
    _ stream: UInt32, _ headers: [UInt8], _ isEnd: Bool
  ) throws(APIFailure) -> [UInt8] {
    let list: [UInt8]
    do throws(InflateError) {
      list = try inflater.message(headers, limit: SPDYHeaders.limit)
    } catch {
      throw SPDYFrame.malformed
    }
    guard let fields = SPDYHeaders.parse(list) else { throw SPDYFrame.malformed }
    guard let channel = Self.channels[fields["streamtype"] ?? ""], missing.contains(channel),
      !streams.values.contains(stream)
    else { return SPDYFrame.refusal(of: stream) }
    missing.remove(channel)
    streams[channel] = stream
    if isEnd, channel == ExecMessage.Channel.stdin { try closeInput() }
    return SPDYFrame.reply(to: stream, isFirst: streams.count == 1)
  }

  private mutating func closeInput() throws(APIFailure) {
    try input.take([ExecMessage.Channel.close, ExecMessage.Channel.stdin])
  }

  private static let channels: [String: UInt8] = [
    "error": ExecMessage.Channel.error, "stdin": ExecMessage.Channel.stdin,
    "stdout": ExecMessage.Channel.stdout, "stderr": ExecMessage.Channel.stderr,
  ]

  /// The frame for a message of `ExecMessage`; nil if the client has not opened its stream.
  func frame(_ message: [UInt8]) -> [UInt8]? {
    guard let channel = message.first, let stream = streams[channel] else { return nil }
    return SPDYFrame.data(stream, message.dropFirst(), isEnd: false)
  }

  /// The ends of all streams.
  var end: [UInt8] { streams.values.sorted().flatMap { SPDYFrame.data($0, [], isEnd: true) } }
}
