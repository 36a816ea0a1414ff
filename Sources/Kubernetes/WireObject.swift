import ClusterAPI
import Values

extension Object {
  /// What a server sent, as the port knows it.
  ///
  /// The items of a list come without their kind, and some kinds come in another version than the port's. The record
  /// of who wrote which field is left out: it is often half of an object, nobody here reads it, and the server
  /// keeps it where a write does not carry it.
  init(_ json: JSON, as resource: Resource) {
    var json = json
    if json["apiVersion"]?.string != resource.apiVersion { json["apiVersion"] = .string(resource.apiVersion) }
    if json["kind"]?.string != resource.kind { json["kind"] = .string(resource.kind) }
    json["metadata"]?["managedFields"] = nil
    self.init(json)
  }
}
