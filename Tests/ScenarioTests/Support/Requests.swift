import Installation
import Testing

/// A request to an API server from a daemon's log, in the terms of RBAC rules.
struct Use: Sendable, Hashable, Comparable, CustomStringConvertible {
  var verb: String
  /// The resource with its group and subresource, as in the log: `statefulsets.apps`, `pods/exec`.
  var resource: String

  var description: String { "\(verb) \(resource)" }

  static func < (left: Use, right: Use) -> Bool { left.description < right.description }
}

/// One line of the log: `request="list pods in scn-1: 200"`.
struct LoggedRequest: Sendable, Hashable, CustomStringConvertible {
  var use: Use
  var namespace: String?
  var code: Int?

  /// Nil for any other line.
  init?(_ line: Substring) {
    guard line.contains(" event=request "), let start = line.firstRange(of: "request=\""),
      let colon = line.lastIndex(of: ":")
    else { return nil }
    let words = line[start.upperBound..<colon].split(separator: " ")
    guard words.count >= 2 else { return nil }
    use = Use(verb: String(words[0]), resource: String(words[1]))
    namespace = words.count == 4 && words[2] == "in" ? String(words[3]) : nil
    code = Int(line[colon...].filter(\.isNumber))
  }

  var description: String { "\(use)\(namespace.map { " in \($0)" } ?? ""): \(code ?? 0)" }

  static func all(in log: String) -> [LoggedRequest] {
    log.split(separator: "\n").compactMap(LoggedRequest.init)
  }
}

extension Permission {
  var uses: Set<Use> {
    let name = resource.plural + (subresource.map { "/\($0)" } ?? "")
    let full = resource.group.isEmpty ? name : "\(name).\(resource.group)"
    return Set(verbs.map { Use(verb: $0.rawValue, resource: full) })
  }
}

extension InstallationSettings {
  /// All granted permissions, in any namespace.
  var uses: Set<Use> { Set(grants.flatMap(\.permissions).flatMap(\.uses)) }

  /// Fails the test if a daemon sent a request for which it has no permission.
  func judge(_ logs: [String]) {
    let requests = logs.flatMap(LoggedRequest.all)
    #expect(requests.filter { $0.code == 401 || $0.code == 403 } == [], "no permission is missing")
    let strangers = requests.filter { !$0.use.resource.hasPrefix("/") && !uses.contains($0.use) }
    #expect(Set(strangers.map(\.use)).sorted() == [], "nothing is asked for that is not granted")
  }
}
