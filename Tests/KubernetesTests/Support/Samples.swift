import ClusterAPI
import Values

/// Objects for tests.
enum Samples {
  static func pod(_ name: String, version: Int, namespace: String = "web", more: JSON = [:]) -> JSON {
    var json: JSON = [
      "kind": "Pod", "apiVersion": "v1",
      "metadata": [
        "name": .string(name), "namespace": .string(namespace), "uid": .string("uid-\(name)"),
        "resourceVersion": .string(String(version)),
      ],
    ]
    for (key, value) in more.object ?? [:] { json[key] = value }
    return json
  }

  static func list(_ items: [JSON], version: Int, next: String? = nil, kind: String = "PodList") -> JSON {
    var metadata: JSON = ["resourceVersion": .string(String(version))]
    if let next { metadata["continue"] = .string(next) }
    return ["kind": .string(kind), "apiVersion": "v1", "metadata": metadata, "items": .array(items)]
  }

  static let web0 = ObjectName(namespace: "web", name: "db-0")
}
