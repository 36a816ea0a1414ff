import Values

/// An HTTP request, independent of its connection.
struct APIRequest: Sendable {
  var method: String
  /// The decoded components of the path.
  var path: [String]
  /// The decoded parameters of the query, in their order.
  var query: [Parameter]
  /// By name in lower case; the values of repeated fields are joined by commas.
  var headers: [String: String]
  var body: [UInt8]

  struct Parameter: Sendable, Hashable {
    var name: String
    var value: String
  }

  /// - Parameter target: the request target, such as `/api/v1/pods?limit=500`.
  /// - Returns: nil if the target is malformed.
  init?(method: String, target: String, headers: [String: String] = [:], body: [UInt8] = []) {
    let parts = target.utf8.split(
      separator: UInt8(ascii: "?"), maxSplits: 1, omittingEmptySubsequences: false)
    guard let first = parts.first, first.first == UInt8(ascii: "/") else { return nil }
    var path: [String] = []
    for component in first.split(separator: UInt8(ascii: "/")) {
      guard let text = Self.decoded(component, isQuery: false) else { return nil }
      path.append(text)
    }
    var query: [Parameter] = []
    for item in parts.count > 1 ? parts[1].split(separator: UInt8(ascii: "&")) : [] {
      let pair = item.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = Self.decoded(pair[0], isQuery: true),
        let value = pair.count > 1 ? Self.decoded(pair[1], isQuery: true) : ""
      else { return nil }
      query.append(Parameter(name: name, value: value))
    }
    self.method = method
    self.path = path
    self.query = query
    self.headers = headers
    self.body = body
  }

  /// The first value of a parameter; nil if there is none.
  func parameter(_ name: String) -> String? { query.first { $0.name == name }?.value }

  func parameters(_ name: String) -> [String] { query.filter { $0.name == name }.map(\.value) }

  /// Whether a parameter is set and true.
  func isSet(_ name: String) -> Bool { parameter(name).map { $0 == "true" || $0 == "1" } ?? false }

  /// Whether the request is judged but not carried out.
  var isDryRun: Bool { parameter("dryRun").map { !$0.isEmpty } ?? false }

  /// The media type of the body, without parameters.
  var contentType: String {
    let type = (headers["content-type"] ?? "application/json").prefix { $0 != ";" }
    return type.split(separator: " ").joined().lowercased()
  }

  /// Nil if an escape is malformed or the bytes are not UTF-8.
  private static func decoded(_ bytes: some Sequence<UInt8>, isQuery: Bool) -> String? {
    var result: [UInt8] = []
    var iterator = bytes.makeIterator()
    while let byte = iterator.next() {
      switch byte {
      case UInt8(ascii: "%"):
        guard let high = iterator.next().flatMap(digit), let low = iterator.next().flatMap(digit) else {
          return nil
        }
        result.append(high << 4 | low)
      case UInt8(ascii: "+") where isQuery: result.append(UInt8(ascii: " "))
      default: result.append(byte)
      }
    }
    return String(validating: result, as: UTF8.self)
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
