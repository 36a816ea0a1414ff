import Values

/// A strategic merge patch of a built-in kind: like a merge patch, but the items of some lists are merged by a key.
///
/// Source: `k8s.io/apimachinery/pkg/util/strategicpatch`, and the tags `patchMergeKey` of the types in `k8s.io/api`.
enum StrategicMerge {
  /// The merge keys of lists, by the name of the list. Other lists are replaced.
  private static func mergeKey(_ list: String, _ items: [JSON]) -> String? {
    switch list {
    case "containers", "initContainers", "ephemeralContainers", "volumes", "env", "imagePullSecrets": "name"
    case "volumeMounts": "mountPath"
    case "volumeDevices": "devicePath"
    case "conditions": "type"
    case "ownerReferences": "uid"
    case "hostAliases": "ip"
    // Of a container, or of a service.
    case "ports": items.contains { $0["containerPort"] != nil } ? "containerPort" : "port"
    default: nil
    }
  }

  /// Lists of values that are merged as sets.
  private static let sets: Set<String> = ["finalizers"]

  static func merge(_ object: JSON, with patch: JSON) -> JSON {
    guard case .object(let changes) = patch else { return patch }
    if patch["$patch"]?.string == "replace" { return withoutDirectives(patch) }
    var members = object.object ?? [:]
    if let kept = patch["$retainKeys"]?.array?.compactMap(\.string) {
      for key in Array(members.keys) where !kept.contains(key) { members.removeValue(forKey: key) }
    }
    for (key, change) in changes {
      if key.hasPrefix("$deleteFromPrimitiveList/") {
        let list = String(key.dropFirst("$deleteFromPrimitiveList/".count))
        let removed = change.array ?? []
        members[list] = members[list]?.array.map { items in
          JSON.array(items.filter { !removed.contains($0) })
        }
        continue
      }
      if key.hasPrefix("$") { continue }
      switch change {
      case .null: members.removeValue(forKey: key)
      case .object:
        if change["$patch"]?.string == "delete" {
          members.removeValue(forKey: key)
        } else {
          members[key] = merge(members[key] ?? [:], with: change)
        }
      case .array(let items): members[key] = merge(list: key, members[key]?.array ?? [], with: items)
      default: members[key] = change
      }
    }
    return .object(members)
  }

  private static func merge(list name: String, _ old: [JSON], with changes: [JSON]) -> JSON {
    if sets.contains(name) { return .array(old + changes.filter { !old.contains($0) }) }
    guard let key = mergeKey(name, old + changes),
      !changes.contains(where: { $0["$patch"]?.string == "replace" })
    else { return .array(changes.filter { $0["$patch"] == nil }) }
    var items = old
    for change in changes {
      let position = items.firstIndex { $0[key] != nil && $0[key] == change[key] }
      switch (position, change["$patch"]?.string) {
      case (let position?, "delete"): items.remove(at: position)
      case (nil, "delete"): break
      case (let position?, _): items[position] = merge(items[position], with: change)
      case (nil, _): items.append(withoutDirectives(change))
      }
    }
    return .array(items)
  }

  private static func withoutDirectives(_ patch: JSON) -> JSON {
    guard let members = patch.object else { return patch }
    var result: JSON = [:]
    for (key, value) in members where !key.hasPrefix("$") && !value.isNull { result[key] = value }
    return result
  }
}
