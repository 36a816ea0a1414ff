import ClusterAPI
import KubeDirector
import Values

/// A column of the table of a kind.
struct Column: Sendable {
  var name: String
  var type = "string"
  var description = ""
  /// 0 for every table, 1 for `-o wide` only.
  var priority = 0
  /// - Parameter now: in seconds since 1970.
  var cell: @Sendable (_ object: Object, _ now: Int) -> JSON

  var definition: JSON {
    [
      "name": .string(name), "type": .string(type), "format": .string(name == "Name" ? "name" : ""),
      "description": .string(description), "priority": JSON(priority),
    ]
  }

  static let name = Column(name: "Name") { object, _ in .string(object.name) }
  static let age = Column(name: "Age") { object, now in
    .string(Age.text(since: object.json["metadata"]?["creationTimestamp"]?.string, now: now))
  }

  /// The columns of a kind, the first of which is the name.
  static func of(_ kind: ServedKind) -> [Column] {
    switch kind.resource {
    case .apps: [name] + printerColumns(CustomResources.app)
    case .clusters: [name] + printerColumns(CustomResources.cluster)
    case .pods: [name] + PodColumns.all + [age]
    case .statefulSets: [name, setReadiness, age]
    case .services: [name] + ServiceColumns.all + [age]
    case .volumeClaims: [name] + claims + [age]
    case .events: events
    case .disruptionBudgets: [name] + budgets + [age]
    case .configMaps: [name, count(of: "data")] + [age]
    case .secrets: [name, text("Type") { $0["type"] }, count(of: "data"), age]
    case .controllerRevisions: [name, revision, age]
    default: [name, text("Status") { $0["status"]?["phase"] }, age]
    }
  }

  /// A column that shows one value of an object.
  static func text(
    _ name: String, priority: Int = 0, _ value: @escaping @Sendable (JSON) -> JSON?
  ) -> Column {
    Column(name: name, priority: priority) { object, _ in
      switch value(object.json) {
      case .string(let text) where !text.isEmpty: .string(text)
      case .integer(let number): .string(String(number))
      default: "<none>"
      }
    }
  }

  /// The columns of a custom resource definition.
  static func printerColumns(_ definition: JSON) -> [Column] {
    let columns = definition["spec"]?["versions"]?[0]?["additionalPrinterColumns"]?.array ?? []
    return columns.compactMap { column in
      guard let name = column["name"]?.string, let path = column["jsonPath"]?.string.flatMap(JSONPath.init)
      else { return nil }
      let type = column["type"]?.string ?? "string"
      return Column(
        name: name, type: type, description: column["description"]?.string ?? "",
        priority: column["priority"]?.count() ?? 0
      ) { object, now in
        guard let value = path.value(in: object.json) else { return .null }
        return type == "date" ? .string(Age.text(since: value.string, now: now)) : value
      }
    }
  }

  private static func count(of member: String) -> Column {
    Column(name: "Data", type: "integer") { object, _ in JSON(object.json[member]?.object?.count ?? 0) }
  }

  private static let setReadiness = Column(name: "Ready") { object, _ in
    let ready = object.json["status"]?["readyReplicas"]?.count() ?? 0
    return .string("\(ready)/\(object.json["spec"]?["replicas"]?.count() ?? 0)")
  }

  private static let revision = Column(name: "Revision", type: "integer") { object, _ in
    object.json["revision"] ?? .null
  }

  private static let claims = [
    text("Status") { $0["status"]?["phase"] },
    text("Volume") { $0["spec"]?["volumeName"] },
    text("Capacity") { $0["spec"]?["resources"]?["requests"]?["storage"] },
    text("StorageClass") { $0["spec"]?["storageClassName"] },
  ]

  private static let budgets = [
    text("Min Available") { $0["spec"]?["minAvailable"] },
    text("Max Unavailable") { $0["spec"]?["maxUnavailable"] },
  ]

  private static let events = [
    Column(name: "Last Seen") { object, now in
      .string(Age.text(since: object.json["lastTimestamp"]?.string, now: now))
    },
    text("Type") { $0["type"] },
    text("Reason") { $0["reason"] },
    Column(name: "Object") { object, _ in
      let about = object.json["involvedObject"]
      return .string("\(about?["kind"]?.string?.lowercased() ?? "")/\(about?["name"]?.string ?? "")")
    },
    text("Message") { $0["message"] },
    text("Count", priority: 1) { $0["count"] },
    Column(name: "Name", priority: 1) { object, _ in .string(object.name) },
  ]
}
