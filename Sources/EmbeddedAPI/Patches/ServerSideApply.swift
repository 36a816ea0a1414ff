import Values

/// Server-side apply: the fields that a manager applied before and leaves out now are removed, and a field that
/// another manager applied with another value is a conflict.
///
/// Lists are one field, as in a custom resource without list types. Only managers that apply are tracked, in
/// `metadata.managedFields`: an `update` or `patch` owns no fields.
struct ServerSideApply: Sendable {
  var manager: String
  /// Whether the manager takes over the fields of others.
  var isForced: Bool
  /// The time of the request, for people.
  var time: String

  /// The longest name of a manager, as in Kubernetes.
  static let managerLimit = 128

  typealias Field = [String]

  /// - Parameter live: nil if the object does not exist.
  func applied(_ applied: JSON, to live: JSON?) throws(APIFailure) -> JSON {
    let wanted = Self.fields(applied)
    var owners = Self.owners(of: live)
    let before = owners[manager] ?? []
    for (other, owned) in owners.sorted(by: { $0.key < $1.key }) where other != manager {
      let conflicts = wanted.filter { field in
        owned.contains(field) && Self.value(field, live) != Self.value(field, applied)
      }
      guard !conflicts.isEmpty else { continue }
      guard isForced else { throw Self.conflict(conflicts, with: other) }
      owners[other] = owned.subtracting(conflicts)
    }
    owners[manager] = wanted
    let kept = owners.values.reduce(into: Set<Field>()) { $0.formUnion($1) }
    var result = live ?? [:]
    for field in before where !kept.contains(field) { result = Self.removing(field[...], from: result) }
    result = Self.merged(result, with: applied)
    let fields = Self.managedFields(owners, result["apiVersion"] ?? "", at: time, live)
    result["metadata"]?["managedFields"] = fields
    return result
  }

  // MARK: Fields

  /// The fields of a configuration that can be owned; those that identify the object are not.
  private static func fields(_ configuration: JSON) -> Set<Field> {
    var found: Set<Field> = []
    collect(configuration, [], &found)
    return found.filter { field in
      !identity.contains(field) && field.first != "status"
        && field.starts(with: ["metadata", "managedFields"]) == false
    }
  }

  private static let identity: Set<Field> = [
    ["apiVersion"], ["kind"], ["metadata", "name"], ["metadata", "namespace"], ["metadata", "uid"],
    ["metadata", "resourceVersion"], ["metadata", "creationTimestamp"], ["metadata", "generation"],
    ["metadata"], ["spec"],
  ]

  private static func collect(_ json: JSON, _ path: Field, _ found: inout Set<Field>) {
    guard let members = json.object, !members.isEmpty else {
      found.insert(path)
      return
    }
    for (key, value) in members { collect(value, path + [key], &found) }
  }

  private static func value(_ field: Field, _ json: JSON?) -> JSON? {
    var value = json
    for step in field { value = value?[step] }
    return value
  }

  private static func removing(_ field: ArraySlice<String>, from json: JSON) -> JSON {
    guard let key = field.first, var members = json.object else { return json }
    if field.count == 1 {
      members.removeValue(forKey: key)
    } else if let inner = members[key] {
      members[key] = removing(field.dropFirst(), from: inner)
    }
    return .object(members)
  }

  private static func merged(_ live: JSON, with applied: JSON) -> JSON {
    guard var members = live.object, let changes = applied.object else { return applied }
    for (key, value) in changes { members[key] = members[key].map { merged($0, with: value) } ?? value }
    return .object(members)
  }

  // MARK: managedFields

  private static func owners(of live: JSON?) -> [String: Set<Field>] {
    var owners: [String: Set<Field>] = [:]
    for entry in live?["metadata"]?["managedFields"]?.array ?? [] {
      guard entry["operation"]?.string == "Apply", let manager = entry["manager"]?.string,
        let fields = entry["fieldsV1"]
      else { continue }
      var found: Set<Field> = []
      read(fields, [], &found)
      owners[manager, default: []].formUnion(found)
    }
    return owners
  }

  /// Reads `{"f:spec": {"f:app": {}}}`.
  private static func read(_ json: JSON, _ path: Field, _ found: inout Set<Field>) {
    let members = json.object ?? [:]
    guard !members.isEmpty else {
      if !path.isEmpty { found.insert(path) }
      return
    }
    for (key, value) in members where key.hasPrefix("f:") {
      read(value, path + [String(key.dropFirst(2))], &found)
    }
  }

  private static func managedFields(
    _ owners: [String: Set<Field>], _ apiVersion: JSON, at time: String, _ live: JSON?
  ) -> JSON {
    let old = live?["metadata"]?["managedFields"]?.array ?? []
    let others = old.filter { $0["operation"]?.string != "Apply" }
    let entries = owners.filter { !$0.value.isEmpty }.sorted { $0.key < $1.key }.map { owner -> JSON in
      var fields: JSON = [:]
      for field in owner.value.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
        fields = adding(field[...], to: fields)
      }
      let earlier = old.first { $0["manager"]?.string == owner.key && $0["operation"]?.string == "Apply" }
      // An unchanged entry keeps its time, so that an apply without a change writes nothing.
      if let earlier, earlier["fieldsV1"] == fields { return earlier }
      return [
        "manager": .string(owner.key), "operation": "Apply", "apiVersion": apiVersion,
        "time": .string(time), "fieldsType": "FieldsV1", "fieldsV1": fields,
      ]
    }
    return .array(entries + others)
  }

  private static func adding(_ field: ArraySlice<String>, to json: JSON) -> JSON {
    guard let step = field.first else { return json }
    var result = json
    result["f:\(step)"] = adding(field.dropFirst(), to: json["f:\(step)"] ?? [:])
    return result
  }

  private static func conflict(_ fields: Set<Field>, with manager: String) -> APIFailure {
    let names = fields.map { ".\($0.joined(separator: "."))" }.sorted()
    let causes = names.map { name -> JSON in
      [
        "reason": "FieldManagerConflict", "message": .string("conflict with \"\(manager)\""),
        "field": .string(name),
      ]
    }
    return APIFailure(
      409, "Conflict",
      "Apply failed with \(names.count) conflict\(names.count == 1 ? "" : "s"): conflict with \"\(manager)\": "
        + names.joined(separator: ", "),
      details: ["causes": .array(causes)])
  }
}
