import ClusterAPI
import NIOCore
import NIOHTTP1
import Values

/// The verb of a request, as in RBAC rules.
enum Verb: String, Sendable {
  case get, list, watch, create, update, patch, delete

  var method: HTTPMethod {
    switch self {
    case .get, .list, .watch: .GET
    case .create: .POST
    case .update: .PUT
    case .patch: .PATCH
    case .delete: .DELETE
    }
  }
}

/// One request to the API server, independent of the server's address.
struct APIRequest: Sendable {
  var verb: Verb
  /// Nil for paths that are not a resource.
  let resource: Resource?
  let namespace: String?
  let name: String?
  let subresource: String?
  /// The name of an object that is about to be created and is not part of the path; for errors.
  var newName: String?
  /// Percent-encoded, with the query.
  private(set) var path: String
  private(set) var body: ByteBuffer?
  private(set) var contentType = "application/json"
  /// Whether the request is idempotent.
  var isRepeatable: Bool

  /// Creates a request for a path that is not a resource, such as `/version`.
  init(path: String) {
    (verb, resource, namespace, name, subresource) = (.get, nil, nil, nil, nil)
    self.path = path
    isRepeatable = true
  }

  /// - Parameters:
  ///   - namespace: nil or empty for all namespaces, and for cluster-scoped kinds.
  ///   - name: nil for the collection.
  /// - Throws: `.invalid` if the names cannot be part of a path.
  init(
    _ verb: Verb, _ resource: Resource, namespace: String?, name: String? = nil, subresource: String? = nil,
    query: [(String, String)] = []
  ) throws(APIError) {
    self.verb = verb
    self.resource = resource
    self.namespace = resource.isNamespaced ? namespace.flatMap { $0.isEmpty ? nil : $0 } : nil
    self.name = name
    self.subresource = subresource
    isRepeatable = verb != .create

    var path = resource.group.isEmpty ? "/api/\(resource.version)" : "/apis/\(resource.apiVersion)"
    if let namespace = self.namespace { path += "/namespaces/\(try Self.segment(namespace, of: resource))" }
    path += "/\(resource.plural)"
    if let name { path += "/\(try Self.segment(name, of: resource))" }
    if let subresource { path += "/\(subresource)" }
    self.path = path
    add(query: query)
  }

  mutating func add(query: [(String, String)]) {
    for (key, value) in query {
      path += path.contains("?") ? "&" : "?"
      path += "\(key)=\(Self.encoded(value))"
    }
  }

  mutating func send(_ json: JSON, as type: String = "application/json") {
    body = ByteBuffer(bytes: json.serialized())
    contentType = type
  }

  /// The subject of the request, for messages: `pods web/db-0`, `statefulsets.apps in web`.
  var subject: String {
    guard let resource else { return path }
    let kind = resource.group.isEmpty ? resource.plural : "\(resource.plural).\(resource.group)"
    let full = subresource.map { "\(kind)/\($0)" } ?? kind
    guard let name = name ?? newName else { return namespace.map { "\(full) in \($0)" } ?? full }
    return namespace.map { "\(full) \($0)/\(name)" } ?? "\(full) \(name)"
  }

  func record(code: Int?) -> RequestRecord {
    guard let resource else { return RequestRecord(verb: verb.rawValue, resource: path, code: code) }
    return RequestRecord(
      verb: verb.rawValue, group: resource.group,
      resource: subresource.map { "\(resource.plural)/\($0)" } ?? resource.plural, namespace: namespace,
      code: code)
  }

  /// Encodes a name as one path segment. An empty name, `.` or `..` would address something else.
  private static func segment(_ name: String, of resource: Resource) throws(APIError) -> String {
    guard !name.isEmpty, name != ".", name != ".." else {
      throw APIError(.invalid, "\(resource.kind): \"\(name)\" cannot be the name of an object or a namespace")
    }
    return encoded(name)
  }

  /// Percent-encodes everything except RFC 3986's unreserved characters.
  static func encoded(_ text: String) -> String {
    var output: [UInt8] = []
    output.reserveCapacity(text.utf8.count)
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"):
        output.append(byte)
      default:
        output.append(UInt8(ascii: "%"))
        output.append(hexDigits[Int(byte >> 4)])
        output.append(hexDigits[Int(byte & 15)])
      }
    }
    return String(decoding: output, as: UTF8.self)
  }

  private static let hexDigits = Array("0123456789ABCDEF".utf8)
}

extension LabelSelector {
  /// The value of `labelSelector=` before encoding; nil if everything is selected.
  var query: String? {
    let parts = equals.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" } + exists.sorted()
    return parts.isEmpty ? nil : parts.joined(separator: ",")
  }
}
