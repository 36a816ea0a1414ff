import NIOCore
import Synchronization
import TestSupport
import Values

/// A proxy for plain HTTP that refuses some requests as Kubernetes would, and forwards the others.
///
/// It marks each forwarded request as the last one on its connection, so that every request passes through
/// here. It forwards websockets unchanged.
final class RefusingProxy: Sendable {
  /// A refusal and its share of all requests.
  struct Refusal: Sendable {
    var code: Int
    var reason: String
    var message: String
    var share: Double
    /// In seconds.
    var retryAfter: Int?

    static let throttled = Refusal(
      code: 429, reason: "TooManyRequests", message: "too many requests, please try again later", share: 0.3,
      retryAfter: 1)
    static let unavailable = Refusal(
      code: 503, reason: "ServiceUnavailable",
      message: "the server is currently unable to handle the request",
      share: 0.03)
    static let failed = Refusal(
      code: 500, reason: "InternalError", message: "Internal error occurred: a webhook was not in the mood",
      share: 0.03)

    /// The answer of a server to every request until it has read its RBAC rules.
    static let unreadRights = Refusal(
      code: 403, reason: "Forbidden",
      message: "RBAC: clusterrole.rbac.authorization.k8s.io \"kdops\" not found",
      share: 0.5)
    static let unreadAccounts = Refusal(
      code: 401, reason: "Unauthorized", message: "Unauthorized", share: 0.25)
    /// The response of the server's mux for kinds whose definition it has not read. It has no `Status`.
    static let unreadKinds = Refusal(code: 404, reason: "", message: "404 page not found", share: 0.25)
  }

  enum Reception {
    case passes(ByteBuffer)
    case turnedAway(ByteBuffer)
  }

  private struct State {
    var refusals: [Refusal]
    var moody: (refusals: [Refusal], left: Int)?
    var found: [Int: Int] = [:]
  }

  private let state: Mutex<State>

  init(_ refusals: [Refusal]) { state = Mutex(State(refusals: refusals)) }

  /// Gives this number of these refusals before the permanent ones apply.
  func begin(with refusals: [Refusal], count: Int) {
    state.withLock { $0.moody = (refusals, count) }
  }

  /// How often each code was returned.
  var found: [Int: Int] { state.withLock { $0.found } }

  /// - Parameter next: the connection's next bytes; nil at its end.
  func meet(_ seededFaults: SeededFaults, _ next: () async throws -> ByteBuffer?) async throws -> Reception {
    var bytes = ByteBuffer()
    var request: Request?
    while request == nil {
      guard var piece = try await next() else { return .passes(bytes) }
      bytes.writeBuffer(&piece)
      request = Request(bytes)
      guard request != nil || bytes.readableBytes < 1 << 20 else {
        throw ToolError("a request without an end")
      }
    }
    guard let request else { return .passes(bytes) }
    guard let refusal = choose(seededFaults) else {
      return .passes(request.isUpgrade ? bytes : request.last(of: bytes))
    }
    // A client that gets its answer before it has sent everything may miss the answer.
    while bytes.readableBytes < request.headLength + request.bodyLength, let piece = try await next() {
      bytes.writeImmutableBuffer(piece)
    }
    return .turnedAway(Self.answer(refusal))
  }

  private func choose(_ seededFaults: SeededFaults) -> Refusal? {
    let chance = seededFaults.unit()
    return state.withLock { state in
      var sum = 0.0
      let mood = state.moody.flatMap { $0.left > 0 ? $0.refusals : nil }
      for refusal in mood ?? state.refusals {
        sum += refusal.share
        guard chance < sum else { continue }
        if mood != nil { state.moody?.left -= 1 }
        state.found[refusal.code, default: 0] += 1
        return refusal
      }
      return nil
    }
  }

  private static func answer(_ refusal: Refusal) -> ByteBuffer {
    var body = refusal.message
    if !refusal.reason.isEmpty {
      var details: JSON = [:]
      if let seconds = refusal.retryAfter { details["retryAfterSeconds"] = JSON(seconds) }
      let status: JSON = [
        "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Failure",
        "message": .string(refusal.message), "reason": .string(refusal.reason), "details": details,
        "code": JSON(refusal.code),
      ]
      body = status.text()
    }
    var head =
      "HTTP/1.1 \(refusal.code) Refused\r\nConnection: close\r\nContent-Length: \(body.utf8.count)\r\n"
    head += "Content-Type: \(refusal.reason.isEmpty ? "text/plain" : "application/json")\r\n"
    if let seconds = refusal.retryAfter { head += "Retry-After: \(seconds)\r\n" }
    return ByteBuffer(string: head + "\r\n" + body)
  }

  /// The part of a request's head that the proxy needs.
  private struct Request {
    var headLength: Int
    var bodyLength: Int
    var isUpgrade: Bool

    /// Nil if the head is not complete yet.
    init?(_ bytes: ByteBuffer) {
      let end = Array("\r\n\r\n".utf8)
      let view = bytes.readableBytesView
      guard let found = view.firstRange(of: end) else { return nil }
      headLength = view.distance(from: view.startIndex, to: found.upperBound)
      var fields: [String: String] = [:]
      let head = String(decoding: view[view.startIndex..<found.lowerBound], as: UTF8.self)
      for line in head.split(separator: "\r\n").dropFirst() {
        guard let colon = line.firstIndex(of: ":") else { continue }
        fields[line[..<colon].lowercased()] = line[line.index(after: colon)...].filter { $0 != " " }
      }
      bodyLength = fields["content-length"].flatMap { Int($0) } ?? 0
      isUpgrade = fields["upgrade"] != nil
    }

    /// The request with `Connection: close`, so that it is the last one on its connection.
    func last(of bytes: ByteBuffer) -> ByteBuffer {
      var rest = bytes
      guard let head = rest.readSlice(length: headLength - 2) else { return bytes }
      var changed = head
      changed.writeString("Connection: close\r\n\r\n")
      rest.moveReaderIndex(forwardBy: 2)
      changed.writeBuffer(&rest)
      return changed
    }
  }
}
