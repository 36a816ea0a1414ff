import ClusterAPI
import Diagnostics
import KubeDirector
import Values

/// A live app or cluster as a file for git: without status, without what a server or an operator added, and with all
/// members sorted, so that the same object always gives the same bytes.
struct ImportedObject: Sendable {
  let reference: ObjectReference
  /// The path below the root of the repository.
  let path: String
  let text: String

  /// - Returns: Nil if the object is not an app or a cluster, or if its names cannot be part of a path.
  init?(_ object: Object) {
    guard DNSName.isSubdomain(object.name), DNSName.isLabel(object.namespace) else { return nil }
    reference = ObjectReference(kind: object.kind, namespace: object.namespace, name: object.name)
    var file: JSON = [
      "apiVersion": .string(Wire.apiVersion), "kind": .string(object.kind),
      "metadata": Self.metadata(object),
    ]
    let below = "\(object.namespace)/\(object.name)"
    if let app = App(object.json) {
      file["spec"] = ImportedDefaults.removed(from: app)
      path = "apps/\(below).json"
      text = file.text(pretty: true, sortedKeys: true) + "\n"
    } else if let cluster = Cluster(object.json) {
      file["spec"] = ImportedDefaults.removed(from: cluster)
      path = "clusters/\(below).yaml"
      text = YAMLWriter(.manifest).document(Self.sorted(file))
    } else {
      return nil
    }
  }

  /// The name, the namespace, and the labels and annotations that people set.
  private static func metadata(_ object: Object) -> JSON {
    var metadata: JSON = ["name": .string(object.name), "namespace": .string(object.namespace)]
    let labels = object.labels.filter { $0.key != Wire.Label.source }
    var annotations = object.annotations.filter { !isWritten($0.key) }
    // Without the annotation, the daemon leaves an object alone that no installation owns.
    if object.label(Wire.Label.source) == nil { annotations[Wire.Annotation.adopt] = "true" }
    if !labels.isEmpty { metadata["labels"] = JSON(labels) }
    if !annotations.isEmpty { metadata["annotations"] = JSON(annotations) }
    return metadata
  }

  /// The annotations that the daemon and kubectl write.
  private static let written: Set<String> = [
    "kubectl.kubernetes.io/last-applied-configuration", Wire.Annotation.commit, Wire.Annotation.specCommit,
    Wire.Annotation.blob, Wire.Annotation.path, Wire.Annotation.change, Wire.Annotation.stamp,
    Wire.Annotation.carried, Wire.Annotation.revertedCommit, Wire.Annotation.retry,
  ]

  private static func isWritten(_ annotation: String) -> Bool { written.contains(annotation) }

  /// The value with the members of all objects sorted by name.
  private static func sorted(_ value: JSON) -> JSON {
    switch value {
    case .array(let items): return .array(items.map(sorted))
    case .object(let members):
      var result: JSON = [:]
      for (key, member) in members.sorted(by: { $0.key < $1.key }) { result[key] = .some(sorted(member)) }
      return result
    default: return value
    }
  }
}
