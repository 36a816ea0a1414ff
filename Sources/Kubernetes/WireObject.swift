import ClusterAPI
import Values

extension Object {
  /// Creates an object from a server's JSON.
  ///
  /// Adds the kind, which items of a list lack, and converts the version to the one in `ClusterAPI`. Removes
  /// `managedFields`: it is often half of an object, kdops does not use it, and the server keeps it when a write
  /// omits it.
  init(_ json: JSON, as resource: Resource) {
    var json = json
    if json["apiVersion"]?.string != resource.apiVersion { json["apiVersion"] = .string(resource.apiVersion) }
    if json["kind"]?.string != resource.kind { json["kind"] = .string(resource.kind) }
    json["metadata"]?["managedFields"] = nil
    self.init(json)
  }
}
