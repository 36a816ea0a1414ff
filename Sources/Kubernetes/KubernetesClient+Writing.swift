import ClusterAPI
import Values

extension KubernetesClient {
  public func create(_ object: Object) async throws(APIError) -> Object {
    let resource = try await resources.resource(of: object)
    var request = try await request(.create, resource, object, inCollection: true)
    request.newName = object.name.isEmpty ? nil : object.name
    request.send(try await wire(object, resource))
    return Object(try await sender.json(request), as: resource)
  }

  public func update(_ object: Object) async throws(APIError) -> Object {
    try await replace(object, subresource: nil)
  }

  public func updateStatus(_ object: Object) async throws(APIError) -> Object {
    try await replace(object, subresource: "status")
  }

  private func replace(_ object: Object, subresource: String?) async throws(APIError) -> Object {
    let resource = try await resources.resource(of: object)
    var request = try await request(.update, resource, object, subresource: subresource)
    request.send(try await wire(object, resource))
    return Object(try await sender.json(request), as: resource)
  }

  public func patch(_ resource: Resource, _ name: ObjectName, merge: JSON) async throws(APIError) -> Object {
    try await patch(resource, name, merge, as: "application/merge-patch+json", isRepeatable: true)
  }

  /// Changes an object with a JSON patch (RFC 6902).
  /// - Parameter steps: the operations; if a `test` among them fails, the whole patch is refused with
  ///   `.invalid`.
  public func patch(_ resource: Resource, _ name: ObjectName, json steps: JSON) async throws(APIError)
    -> Object
  {
    // An operation may append to a list, so only a patch that tests the version is safe to repeat.
    let isChecked = (steps.array ?? []).contains {
      $0["op"]?.string == "test" && $0["path"]?.string == "/metadata/resourceVersion"
    }
    return try await patch(resource, name, steps, as: "application/json-patch+json", isRepeatable: isChecked)
  }

  /// Server-side apply: sets the given fields, removes fields that the manager applied before and that are no
  /// longer given, and leaves all other fields unchanged.
  /// - Parameters:
  ///   - manager: the field manager.
  ///   - force: takes over fields that another manager owns; otherwise that is a `.conflict`.
  public func apply(
    _ object: Object, manager: String, force: Bool = false
  ) async throws(APIError) -> Object {
    let resource = try await resources.resource(of: object)
    var request = try await request(.patch, resource, object)
    request.add(query: [("fieldManager", manager), ("force", force ? "true" : "false")])
    // JSON is valid YAML.
    request.send(try await wire(object, resource), as: "application/apply-patch+yaml")
    return Object(try await sender.json(request), as: resource)
  }

  public func delete(
    _ resource: Resource, _ name: ObjectName, _ preconditions: Preconditions
  ) async throws(APIError) {
    var request = try APIRequest(
      .delete, try await resources.served(resource), namespace: name.namespace, name: name.name)
    var options: JSON = [
      "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background",
    ]
    if let grace = preconditions.gracePeriod { options["gracePeriodSeconds"] = JSON(grace) }
    var conditions: JSON = [:]
    if let uid = preconditions.uid { conditions["uid"] = .string(uid) }
    if let version = preconditions.resourceVersion { conditions["resourceVersion"] = .string(version) }
    let isChecked = conditions != [:]
    if isChecked { options["preconditions"] = conditions }
    // Without a precondition, a retry could delete a new object of the same name.
    request.isRepeatable = isChecked
    request.send(options)
    _ = try await sender.send(request) { try await $0.collect(upTo: Sender.answerLimit) }
  }

  // MARK: Requests

  private func patch(
    _ resource: Resource, _ name: ObjectName, _ patch: JSON, as type: String, isRepeatable: Bool
  ) async throws(APIError) -> Object {
    var request = try APIRequest(
      .patch, try await resources.served(resource), namespace: name.namespace, name: name.name)
    request.isRepeatable = isRepeatable
    request.send(patch, as: type)
    return Object(try await sender.json(request), as: resource)
  }

  private func request(
    _ verb: Verb, _ resource: Resource, _ object: Object, inCollection: Bool = false,
    subresource: String? = nil
  ) async throws(APIError) -> APIRequest {
    guard !resource.isNamespaced || !object.namespace.isEmpty else {
      throw APIError(.invalid, "\(resource.kind) \(object.name): the object has no namespace")
    }
    return try APIRequest(
      verb, try await resources.served(resource), namespace: object.namespace,
      name: inCollection ? nil : object.name, subresource: subresource)
  }

  /// Converts the object to the API version that the server serves.
  private func wire(_ object: Object, _ resource: Resource) async throws(APIError) -> JSON {
    var json = object.json
    let version = try await resources.served(resource).apiVersion
    if version != resource.apiVersion { json["apiVersion"] = .string(version) }
    return json
  }
}
