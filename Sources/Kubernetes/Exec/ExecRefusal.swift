import ClusterAPI
import Values

/// A response to an exec request that opens no websocket.
struct ExecRefusal: Error, Sendable, Hashable {
  var code: Int
  var retryAfter: Duration?
  /// The first bytes of the body: a `Status` if the API server itself answers.
  var body: [UInt8] = []

  /// The maximum number of bytes kept of the body.
  static let bodyLimit = 64 << 10

  /// - Parameter header: `Retry-After`. A date, which Kubernetes never sends, is ignored.
  static func retryAfter(_ header: String?) -> Duration? {
    guard let seconds = header.flatMap({ Int($0) }), (0...86_400).contains(seconds) else { return nil }
    return .seconds(seconds)
  }

  /// The error for the caller.
  func error(_ pod: ObjectName) -> APIError {
    let said = (try? JSON.parse(body))?["message"]?.string.map(ExecErrorText.line)
    let words = said.map { ": \($0)" } ?? " (HTTP status \(code))"
    func error(_ kind: APIError.Kind, _ text: String) -> APIError {
      APIError(kind, "Pod \(pod): \(text)", retryAfter: retryAfter)
    }
    switch code {
    case 401: return error(.unauthorized, "the server does not know who asks for a command\(words)")
    case 403:
      return error(
        .forbidden,
        "commands are not allowed\(words); \"get\" and \"create\" on pods/exec in namespace \(pod.namespace) are needed, "
          + "and `kdops install --export` prints the role that grants them")
    case 404: return error(.notFound, said.map { "it is not there: \($0)" } ?? "it is not there")
    case 429: return error(.throttled, "the server asks to wait before the next command\(words)")
    case 200..<300, 300..<400, 405, 426:
      return error(
        .unsupported,
        "the server or a proxy before it opens no websocket\(words); kdops needs one for commands"
      )
    case 400, 409, 422:
      let kind = ExecErrorText.kind(said ?? "")
      return error(
        kind == .notRunning ? kind : code == 409 ? .conflict : .notStarted, "no command can run\(words)")
    case 500...:
      // The API server's own errors on the way to the kubelet may read like a command's, so only a stopped
      // container is recognized from the text.
      let kind = ExecErrorText.kind(said ?? "")
      return error(kind == .notRunning ? kind : .unavailable, "no command can run now\(words)")
    default: return error(.notStarted, "the server refused the command\(words)")
    }
  }
}
