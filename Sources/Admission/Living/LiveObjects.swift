import ClusterAPI
import Diagnostics
import KubeDirector
import Logging
import Rules
import Values

/// What lives, kept up by watching: a request costs no listing, however many clusters there are.
actor LiveObjects {
  /// Objects of one kind that are listed and watched together.
  struct Scope: Sendable, Hashable {
    var resource: Resource
    /// Nil for all.
    var namespace: String?
  }

  private let api: any ClusterAPI
  private let systemNamespace: String
  nonisolated let scopes: [Scope]
  private var listed: Set<Scope> = []
  private(set) var living = LivingObjects()

  /// - Parameters:
  ///   - namespaces: Those to look at, beside the catalog's apps; nil for all.
  ///   - systemNamespace: Where the catalog's apps are.
  init(api: any ClusterAPI, namespaces: [String]?, systemNamespace: String) {
    self.api = api
    self.systemNamespace = systemNamespace
    guard let namespaces else {
      scopes = [Scope(resource: .apps), Scope(resource: .clusters)]
      return
    }
    let places = Set(namespaces).sorted()
    scopes =
      Set(places + [systemNamespace]).sorted().map { Scope(resource: .apps, namespace: $0) }
      + places.map { Scope(resource: .clusters, namespace: $0) }
  }

  /// Follows everything for as long as the task lives.
  nonisolated func follow(clock: any Clock<Duration>, logger: Logger) async {
    await withDiscardingTaskGroup { group in
      for scope in scopes {
        group.addTask {
          // Ends by cancellation only.
          try? await self.api.follow(
            scope.resource, namespace: scope.namespace, clock: clock,
            onFailure: { error in
              logger.warning(
                "admission.watch.failed",
                metadata: [
                  "kind": "\(scope.resource.kind)", "namespace": "\(scope.namespace ?? "*")",
                  "error": "\(error)",
                ])
            }
          ) { await self.take($0, in: scope) }
        }
      }
    }
  }

  func take(_ change: FollowedChange, in scope: Scope) {
    switch change {
    case .all(let all):
      let now = Set(all.map(\.objectName))
      for reference in living.references(scope.resource, in: scope.namespace)
      where !now.contains(ObjectName(namespace: reference.namespace, name: reference.name)) {
        living.remove(reference)
      }
      for object in all { living.put(object.json) }
      listed.insert(scope)
    case .changed(let object): living.put(object.json)
    case .removed(let object):
      living.remove(
        ObjectReference(kind: scope.resource.kind, namespace: object.namespace, name: object.name))
    }
  }

  /// What lives beside the object of a request; nil until everything that could matter has been listed once.
  ///
  /// `kubectl apply` of a whole folder asks about a cluster sooner than a watch tells of its app, so an app that is not
  /// known is looked for.
  func living(for request: AdmissionRequest) async -> LivingObjects? {
    guard isComplete(for: request) else { return nil }
    guard request.kind == Wire.clusterKind, let name = request.object?["spec"]?["app"]?.string else {
      return living
    }
    let places = Set([request.namespace, systemNamespace]).sorted()
    if places.contains(where: { living.holds(.app($0, name)) }) { return living }
    var found: [Object] = []
    for place in places {
      // Listing is what the daemon may do. Where it fails, the rules say that the app is not there.
      let list = try? await api.list(.apps, namespace: place, labels: .everything)
      found += list?.items.filter { $0.name == name } ?? []
    }
    // For this request alone: what was found meanwhile may be gone before the watch tells of it.
    var known = living
    for object in found { known.put(object.json) }
    return known
  }

  private func isComplete(for request: AdmissionRequest) -> Bool {
    scopes.allSatisfy { scope in
      let matters =
        scope.namespace == nil || scope.namespace == request.namespace || scope.namespace == systemNamespace
        || request.namespace == systemNamespace
      return !matters || listed.contains(scope)
    }
  }
}
