import ClusterAPI
import Values

// Requests that read objects.
extension APIHandler {
  func get(_ kind: ServedKind, _ name: ObjectName, _ request: APIRequest) async throws(APIFailure) -> Reply {
    let object = try await live(kind, name)
    return .json(writer(kind, request).single(object))
  }

  func list(
    _ kind: ServedKind, _ namespace: String?, _ request: APIRequest
  ) async throws(APIFailure) -> Reply {
    let selection = try Selection(request)
    let list = try await objects(kind, namespace, selection)
    return .json(writer(kind, request).list(list.items, version: list.resourceVersion))
  }

  func writer(_ kind: ServedKind, _ request: APIRequest) -> ObjectWriter {
    ObjectWriter(
      kind: kind,
      format: ResponseFormat(
        accept: request.headers["accept"], included: request.parameter("includeObject")), now: now())
  }

  /// The selected objects, with their kind and API version.
  func objects(
    _ kind: ServedKind, _ namespace: String?, _ selection: Selection
  ) async throws(APIFailure) -> ObjectList {
    if kind.isReadOnly {
      var list = try await namespaces()
      list.items.removeAll { !selection.matches($0) }
      return list
    }
    do throws(APIError) {
      var list = try await api.list(
        kind.resource, namespace: namespace, labels: LabelRequirement.indexed(selection.labels))
      list.items.removeAll { isHidden(kind, $0.namespace) || !selection.matches($0) }
      return list
    } catch {
      throw APIFailure(error, kind, "")
    }
  }

  func live(_ kind: ServedKind, _ name: ObjectName) async throws(APIFailure) -> Object {
    if kind.isReadOnly {
      let found = try await namespaces().items.first { $0.name == name.name }
      guard let found else { throw APIFailure(APIError(.notFound, ""), kind, name.name) }
      return found
    }
    guard !isHidden(kind, name.namespace) else {
      throw APIFailure(APIError(.notFound, ""), kind, name.name)
    }
    do throws(APIError) {
      return try await api.get(kind.resource, name)
    } catch {
      throw APIFailure(error, kind, name.name)
    }
  }

  /// Whether objects of a kind are not served: the Secrets of the daemon, which contain the key of the stamps. With it
  /// a client could make a daemon that follows git act on objects that are not from git.
  func isHidden(_ kind: ServedKind, _ namespace: String) -> Bool {
    kind.resource == .secrets && namespace == gate.systemNamespace
  }

  /// The namespaces that have apps, clusters, pods or other members of clusters, and `default`.
  private func namespaces() async throws(APIFailure) -> ObjectList {
    var names: Set<String> = ["default"]
    var version = ""
    do throws(APIError) {
      for resource in [Resource.apps, .clusters, .pods, .configMaps, .secrets] {
        let list = try await api.list(resource, namespace: nil, labels: .everything)
        names.formUnion(list.items.map(\.namespace))
        version = list.resourceVersion
      }
    } catch {
      throw APIFailure(error, .namespaces, "")
    }
    let items = names.sorted().map { name in
      Object([
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": ["name": .string(name), "labels": ["kubernetes.io/metadata.name": .string(name)]],
        "spec": [:], "status": ["phase": "Active"],
      ])
    }
    return ObjectList(items: items, resourceVersion: version)
  }
}
