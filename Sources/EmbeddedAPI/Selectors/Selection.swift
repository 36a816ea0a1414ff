import ClusterAPI
import Values

/// The objects that a list or a watch selects.
struct Selection: Sendable, Hashable {
  var labels: [LabelRequirement]
  var fields: [FieldRequirement]

  /// One part of a field selector, such as `involvedObject.name=analytics`.
  struct FieldRequirement: Sendable, Hashable {
    var path: [String]
    var value: String
    var isEqual: Bool

    func matches(_ object: JSON) -> Bool {
      var found: JSON? = object
      for step in path { found = found?[step] }
      let isFound: Bool
      switch found {
      case .string(let text): isFound = text == value
      case .integer, .number, .bool: isFound = found?.text() == value
      default: isFound = value.isEmpty
      }
      return isFound == isEqual
    }
  }

  init(labels: [LabelRequirement] = [], fields: [FieldRequirement] = []) {
    (self.labels, self.fields) = (labels, fields)
  }

  /// The selection of a request.
  init(_ request: APIRequest) throws(APIFailure) {
    labels = try LabelRequirement.parse(request.parameter("labelSelector") ?? "")
    fields = try Self.fields(request.parameter("fieldSelector") ?? "")
  }

  func matches(_ object: Object) -> Bool {
    (labels.isEmpty || matches(labels: object.labels)) && fields.allSatisfy { $0.matches(object.json) }
  }

  private func matches(labels found: [String: String]) -> Bool { labels.allSatisfy { $0.matches(found) } }

  /// Whether an object of that name is never selected, whatever its other fields are.
  func excludes(_ name: ObjectName) -> Bool {
    fields.contains { field in
      switch field.path {
      case ["metadata", "name"]: (field.value == name.name) != field.isEqual
      case ["metadata", "namespace"]: (field.value == name.namespace) != field.isEqual
      default: false
      }
    }
  }

  private static func fields(_ text: String) throws(APIFailure) -> [FieldRequirement] {
    var found: [FieldRequirement] = []
    for part in text.split(separator: ",") {
      let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard pair.count == 2 else {
        throw .badRequest("unable to parse the field selector at \"\(part)\"")
      }
      let isEqual = !pair[0].hasSuffix("!")
      let path = trimmed(isEqual ? pair[0] : pair[0].dropLast())
      let value = pair[1].hasPrefix("=") ? pair[1].dropFirst() : pair[1]
      guard !path.isEmpty else { throw .badRequest("unable to parse the field selector at \"\(part)\"") }
      found.append(
        FieldRequirement(
          path: path.split(separator: ".").map(String.init), value: trimmed(value), isEqual: isEqual))
    }
    return found
  }
}
