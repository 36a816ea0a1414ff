import ClusterAPI
import Crypto
import KubeDirector
import Values

/// Builds the objects that a StatefulSet owns: revisions, pods and volume claims.
///
/// Source: kubernetes/kubernetes, `pkg/controller/statefulset/stateful_set_utils.go`.
enum PodFactory {
  static let revisionLabel = "controller-revision-hash"
  static let nameLabel = "statefulset.kubernetes.io/pod-name"
  static let indexLabel = "apps.kubernetes.io/pod-index"
  static let node = "embedded"

  /// `<set>-<hash of the template>`: the same template always has the same revision.
  static func revisionName(of set: Object) -> String {
    let template = set.json["spec"]?["template"] ?? [:]
    let digest = SHA256.hash(data: template.serialized(sortedKeys: true))
    // Kubernetes' alphabet for generated names: it avoids accidental words.
    let alphabet = Array("bcdfghjklmnpqrstvwxz2456789".utf8)
    let hash = digest.prefix(10).map { alphabet[Int($0) % alphabet.count] }
    return "\(set.name)-\(String(decoding: hash, as: UTF8.self))"
  }

  static func revision(of set: Object, name: String, number: Int) -> Object {
    var template = set.json["spec"]?["template"] ?? [:]
    template["$patch"] = "replace"
    var labels = selectorLabels(set)
    labels["controller.kubernetes.io/hash"] = String(name.dropFirst(set.name.utf8.count + 1))
    return Object(
      .controllerRevisions, namespace: set.namespace, name: name, labels: labels,
      owners: [OwnerReference(set)],
      content: ["data": ["spec": ["template": template]], "revision": JSON(number)])
  }

  static func pod(of set: Object, ordinal: Int, revision: Object) -> Object {
    var template = revision.json["data"]?["spec"]?["template"] ?? [:]
    template["$patch"] = nil
    let name = "\(set.name)-\(ordinal)"
    var labels = template["metadata"]?["labels"]?.strings ?? [:]
    labels[revisionLabel] = revision.name
    labels[nameLabel] = name
    labels[indexLabel] = String(ordinal)
    var spec = template["spec"] ?? [:]
    spec["hostname"] = .string(name)
    if let service = set.json["spec"]?["serviceName"]?.string, !service.isEmpty {
      spec["subdomain"] = .string(service)
    }
    spec["nodeName"] = .string(node)
    if spec["restartPolicy"] == nil { spec["restartPolicy"] = "Always" }
    let claims = claimTemplates(set)
    if !claims.isEmpty {
      let replaced = Set(claims.map(\.name))
      var volumes = (spec["volumes"]?.array ?? []).filter { !replaced.contains($0["name"]?.string ?? "") }
      for claim in claims {
        volumes.append([
          "name": .string(claim.name),
          "persistentVolumeClaim": ["claimName": .string("\(claim.name)-\(name)")],
        ])
      }
      spec["volumes"] = .array(volumes)
    }
    return Object(
      .pods, namespace: set.namespace, name: name, labels: labels,
      annotations: template["metadata"]?["annotations"]?.strings ?? [:], owners: [OwnerReference(set)],
      content: ["spec": spec, "status": ["phase": "Pending"]])
  }

  /// The volume claims of one ordinal. They have no owner, so that they outlive the set, unless the template names one.
  static func volumeClaims(of set: Object, ordinal: Int) -> [Object] {
    claimTemplates(set).map { claim in
      var labels = claim.json["metadata"]?["labels"]?.strings ?? [:]
      labels.merge(selectorLabels(set)) { _, selector in selector }
      var object = Object(
        .volumeClaims, namespace: set.namespace, name: "\(claim.name)-\(set.name)-\(ordinal)", labels: labels,
        annotations: claim.json["metadata"]?["annotations"]?.strings ?? [:],
        content: ["spec": claim.json["spec"] ?? [:]])
      if let owners = claim.json["metadata"]?["ownerReferences"] {
        object.json["metadata"]?["ownerReferences"] = owners
      }
      return object
    }
  }

  private static func claimTemplates(_ set: Object) -> [(name: String, json: JSON)] {
    (set.json["spec"]?["volumeClaimTemplates"]?.array ?? []).compactMap { template in
      template["metadata"]?["name"]?.string.map { ($0, template) }
    }
  }

  private static func selectorLabels(_ set: Object) -> [String: String] {
    set.json["spec"]?["selector"]?["matchLabels"]?.strings ?? [:]
  }
}
