import ClusterAPI
import Diagnostics
import KubeDirector
import LiveState
import Logging
import Rules
import Values

/// The live apps and clusters, kept current by watches, so that a request needs no list call, however many
/// clusters there are.
actor LiveObjects {
  private let api: any ClusterAPI
  private let systemNamespace: String
  nonisolated let scopes: [WatchScope]
  private var watched = WatchedObjects<LiveObject>()
  private(set) var snapshot = LiveSnapshot()

  /// - Parameters:
  ///   - namespaces: the namespaces to watch, in addition to that of the catalog's apps; nil for all.
  ///   - systemNamespace: the namespace of the catalog's apps.
  init(api: any ClusterAPI, namespaces: [String]?, systemNamespace: String) {
    self.api = api
    self.systemNamespace = systemNamespace
    guard let namespaces else {
      scopes = [WatchScope(.apps), WatchScope(.clusters)]
      return
    }
    let places = Set(namespaces).sorted()
    scopes =
      Set(places + [systemNamespace]).sorted().map { WatchScope(.apps, namespace: $0) }
      + places.map { WatchScope(.clusters, namespace: $0) }
  }

  /// Watches all scopes until the task is cancelled.
  nonisolated func follow(clock: any Clock<Duration>, logger: Logger) async {
    await withDiscardingTaskGroup { group in
      for scope in scopes {
        group.addTask {
          // Ends only by cancellation.
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

  func take(_ change: FollowedChange, in scope: WatchScope) {
    for change in watched.take(change, of: scope) {
      switch change {
      case .stored(_, let object, _): snapshot.put(object)
      case .removed(let reference, _): snapshot.remove(reference)
      }
    }
  }

  /// Returns the live objects for a request; nil until every relevant scope has been listed once.
  ///
  /// `kubectl apply` of a whole folder sends a cluster before the watch reports its app, so an unknown app is
  /// looked up.
  func snapshot(for request: AdmissionRequest) async -> LiveSnapshot? {
    guard isComplete(for: request) else { return nil }
    guard request.kind == Wire.clusterKind, let name = request.object?["spec"]?["app"]?.string else {
      return snapshot
    }
    let places = Set([request.namespace, systemNamespace]).sorted()
    if places.contains(where: { snapshot.holds(.app($0, name)) }) { return snapshot }
    var found: [Object] = []
    for place in places {
      // The daemon has permission to list. If it fails, the rules report that the app does not exist.
      let list = try? await api.list(.apps, namespace: place, labels: .everything)
      found += list?.items.filter { $0.name == name } ?? []
    }
    // Used for this request only: the found app may be deleted before the watch reports it.
    var known = snapshot
    for object in found { known.put(object.json) }
    return known
  }

  private func isComplete(for request: AdmissionRequest) -> Bool {
    scopes.allSatisfy { scope in
      let matters =
        scope.namespace == nil || scope.namespace == request.namespace || scope.namespace == systemNamespace
        || request.namespace == systemNamespace
      return !matters || watched.isListed(scope)
    }
  }
}
