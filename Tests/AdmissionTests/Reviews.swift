import Admission
import ClusterAPI
import Diagnostics
import KubeDirector
import Manifests
import Rules
import Values

/// Objects as a server stores them, and requests about them: two versions of an app, and a cluster that runs
/// the first.
enum Sample {
  static let current = object(Fixture.current, path: "app.json")
  static let candidate = object(Fixture.candidate, path: "app.json")
  static let cluster = object(Fixture.cluster, path: "cluster.yaml")

  static func object(_ text: String, path: String) -> JSON {
    let file = ManifestFile.parse(path: path, bytes: Array(text.utf8))
    return file.documents.first?.json ?? .null
  }

  /// The cluster with some of its text replaced.
  static func cluster(_ replacements: (String, String)...) -> JSON {
    object(replaced(Fixture.cluster, replacements), path: "cluster.yaml")
  }

  static func app(_ replacements: (String, String)...) -> JSON {
    object(replaced(Fixture.current, replacements), path: "app.json")
  }

  private static func replaced(_ text: String, _ replacements: [(String, String)]) -> String {
    replacements.filter { !$0.0.isEmpty }.reduce(text) { text, pair in
      var parts: [Substring] = []
      var rest = text[...]
      while let range = rest.firstRange(of: pair.0) {
        parts.append(rest[..<range.lowerBound])
        parts.append(pair.1[...])
        rest = rest[range.upperBound...]
      }
      return parts.joined() + rest
    }
  }
}

extension JSON {
  /// The object with the status that the engine writes.
  func live(_ live: Example.Live) -> JSON {
    var object = self
    object["status"] = live.status?.json
    return object
  }

  /// The object as the reconciler has applied it.
  var managed: JSON {
    var object = self
    var metadata = object["metadata"] ?? [:]
    metadata["labels"] = [Wire.Label.source: "default"]
    metadata["annotations"] = [
      Wire.Annotation.path: "clusters/analytics.yaml", Wire.Annotation.commit: "4f2c9ab0d1e2",
    ]
    object["metadata"] = metadata
    return object
  }

  func inNamespace(_ namespace: String) -> JSON {
    var object = self
    var metadata = object["metadata"] ?? [:]
    metadata["namespace"] = .string(namespace)
    object["metadata"] = metadata
    return object
  }
}

extension LiveSnapshot {
  init(_ objects: JSON...) {
    self.init()
    for object in objects { put(object) }
  }
}

extension AdmissionRequest {
  static func create(_ object: JSON, by user: String = "alice") -> AdmissionRequest {
    request(.create, about: object, object: object, by: user)
  }

  static func update(_ old: JSON, to new: JSON, by user: String = "alice") -> AdmissionRequest {
    request(.update, about: new, object: new, oldObject: old, by: user)
  }

  static func delete(_ old: JSON, by user: String = "alice") -> AdmissionRequest {
    request(.delete, about: old, oldObject: old, by: user)
  }

  private static func request(
    _ operation: Operation, about: JSON, object: JSON? = nil, oldObject: JSON? = nil, by user: String
  ) -> AdmissionRequest {
    AdmissionRequest(
      uid: "6f1c", kind: about["kind"]?.string ?? "",
      namespace: about["metadata"]?["namespace"]?.string ?? "", operation: operation, user: user,
      object: object, oldObject: oldObject)
  }

  /// The review that an API server posts.
  var review: JSON {
    var request: JSON = [
      "uid": .string(uid),
      "kind": ["group": .string(group), "version": "v1beta1", "kind": .string(kind)],
      "namespace": .string(namespace), "name": .string(name), "operation": .string(operation.rawValue),
      "userInfo": ["username": .string(user)], "dryRun": .bool(isDryRun), "object": object ?? .null,
      "oldObject": oldObject ?? .null,
    ]
    if !subresource.isEmpty { request["subResource"] = .string(subresource) }
    return ["apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request]
  }
}
