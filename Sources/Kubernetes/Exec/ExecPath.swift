import ClusterAPI

/// The path and query of an exec request.
///
/// Source: the Kubernetes API reference, `connect GET requests to exec of Pod`.
struct ExecPath: Sendable, Hashable, CustomStringConvertible {
  let description: String

  init(_ pod: ObjectName, _ request: ExecRequest, below path: String) {
    var items = ["container=\(Self.escaped(request.container))"]
    items += request.command.map { "command=\(Self.escaped($0))" }
    // Without it, the command's standard input is at its end from the start.
    if !request.stdin.isEmpty { items.append("stdin=true") }
    items += ["stdout=true", "stderr=true"]
    let place = "\(path)/api/v1/namespaces/\(Self.escaped(pod.namespace))/pods/\(Self.escaped(pod.name))/exec"
    description = "\(place)?\(items.joined(separator: "&"))"
  }

  /// Percent-encodes everything except RFC 3986's unreserved characters.
  static func escaped(_ text: String) -> String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count)
    for byte in text.utf8 {
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: bytes.append(byte)
      default: bytes += [0x25, Self.digits[Int(byte >> 4)], Self.digits[Int(byte & 15)]]
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static let digits = Array("0123456789ABCDEF".utf8)
}
