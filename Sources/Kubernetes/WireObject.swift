import ClusterAPI
import Values

extension Object {
  /// Creates an object from a server's JSON.
  ///
  /// Items of a list have no kind, and some kinds have another version than in `ClusterAPI`. `managedFields` is
  /// removed: it is often half of an object, it is not used here, and the server keeps it when a write omits
  /// it.
  init(_ json: JSON, as resource: Resource) {
    var json = json
    if json["apiVersion"]?.string != resource.apiVersion { json["apiVersion"] = .string(resource.apiVersion) }
    if json["kind"]?.string != resource.kind { json["kind"] = .string(resource.kind) }
    json["metadata"]?["managedFields"] = nil
    self.init(json)
  }
}
