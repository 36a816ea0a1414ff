import ClusterAPI
import Values

/// A command that a client runs in a container: `kubectl exec`, without a terminal.
struct ExecCall: Sendable, Hashable {
  var pod: ObjectName
  /// Nil for the first container of the pod.
  var container: String?
  var command: [String]
  var hasStdin: Bool
  var hasStdout: Bool
  var hasStderr: Bool

  /// The number of bytes of standard input, and of each output stream, that are carried.
  static let streamLimit = 1 << 20

  /// - Returns: nil if the request is not about a command.
  /// - Throws: what is not supported.
  init?(_ request: APIRequest) throws(APIFailure) {
    guard case .object(let kind, let pod, .exec?)? = Route(request.path), kind == .pods else { return nil }
    self.pod = pod
    container = request.parameter("container").flatMap { $0.isEmpty ? nil : $0 }
    command = request.parameters("command")
    hasStdin = request.isSet("stdin")
    hasStdout = request.isSet("stdout")
    hasStderr = request.isSet("stderr")
    guard !command.isEmpty else {
      throw .badRequest("you must specify at least one command for the container")
    }
    guard !request.isSet("tty") else {
      throw .badRequest(
        "containers of the embedded cluster have no terminal: leave out -t, as in kubectl exec \(pod.name) -- ls"
      )
    }
  }

  /// Checks that a request to run a command can be carried. The response is sent if it opens no WebSocket.
  static func refusal(_ request: APIRequest) -> APIFailure {
    do throws(APIFailure) {
      _ = try ExecCall(request)
    } catch {
      return error
    }
    return noUpgrade
  }

  private static let noUpgrade = APIFailure.badRequest(
    "commands are run over WebSocket (\(ExecMessage.protocols.joined(separator: ", "))) or "
      + "\(SPDYSession.name) (\(SPDYSession.version)): the request has to ask for an upgrade to one of them")
}

/// The messages of a command's streams over a WebSocket: a byte that names the channel, and data.
///
/// Source: `k8s.io/apimachinery/pkg/util/remotecommand`.
enum ExecMessage {
  /// The protocols that are served, the best first. Only the first one can close standard input.
  static let protocols = ["v5.channel.k8s.io", "v4.channel.k8s.io"]

  enum Channel {
    static let stdin: UInt8 = 0
    static let stdout: UInt8 = 1
    static let stderr: UInt8 = 2
    static let error: UInt8 = 3
    static let close: UInt8 = 255
  }

  /// The protocol for a call; nil if the client offers none that can carry it.
  static func chosen(from offered: [String], hasStdin: Bool) -> String? {
    (hasStdin ? protocols.prefix(1) : protocols[...]).first { offered.contains($0) }
  }

  /// The messages of a result, in the order in which they are sent.
  static func messages(of result: ExecResult) -> [[UInt8]] {
    var messages: [[UInt8]] = []
    for (channel, bytes) in [(Channel.stdout, result.stdout), (Channel.stderr, result.stderr)] {
      var rest = bytes[...]
      while !rest.isEmpty {
        messages.append([channel] + rest.prefix(partSize))
        rest = rest.dropFirst(partSize)
      }
    }
    return messages + [[Channel.error] + status(exitCode: result.exitCode).serialized()]
  }

  static func message(of failure: APIFailure) -> [UInt8] { [Channel.error] + failure.status.serialized() }

  /// The outcome of a command, from which `kubectl` takes its own exit code.
  static func status(exitCode: Int) -> JSON {
    guard exitCode != 0 else { return ["metadata": [:], "status": "Success"] }
    return [
      "metadata": [:], "status": "Failure", "reason": "NonZeroExitCode",
      "message": .string("command terminated with non-zero exit code: \(exitCode)"),
      "details": ["causes": [["reason": "ExitCode", "message": .string(String(exitCode))]]],
    ]
  }

  /// The largest frame that every client reads.
  private static let partSize = 16 << 10
}

/// Collects standard input from messages.
struct ExecInput: Sendable, Hashable {
  private(set) var bytes: [UInt8] = []
  private(set) var isClosed = false

  /// - Throws: if there is more than can be carried.
  mutating func take(_ message: [UInt8]) throws(APIFailure) {
    switch message.first {
    case ExecMessage.Channel.stdin?:
      guard bytes.count + message.count - 1 <= ExecCall.streamLimit else {
        throw .badRequest("standard input has more than the \(ExecCall.streamLimit) bytes that are carried")
      }
      bytes += message.dropFirst()
    case ExecMessage.Channel.close?:
      if message.dropFirst().first == ExecMessage.Channel.stdin { isClosed = true }
    default: break  // terminal sizes
    }
  }
}

extension APIHandler {
  /// Runs a command; the messages to send.
  func run(_ call: ExecCall, stdin: [UInt8]) async -> [[UInt8]] {
    do throws(APIFailure) {
      let pod = try await live(.pods, call.pod)
      let first = pod.json["spec"]?["containers"]?[0]?["name"]?.string
      do throws(APIError) {
        return ExecMessage.messages(
          of: try await api.exec(
            call.pod,
            ExecRequest(
              container: call.container ?? first ?? "app", command: call.command, stdin: stdin,
              outputLimit: ExecCall.streamLimit)))
      } catch {
        throw APIFailure(error, .pods, call.pod.name)
      }
    } catch {
      return [ExecMessage.message(of: error)]
    }
  }
}
