import ClusterAPI
import KubeDirector
import Synchronization

/// Records every pod that a cluster ever had, over a connection without faults.
final class PodRecorder: Sendable {
  private let seen = Mutex<[String: [String]]>([:])

  /// Watches the pods for as long as the body runs.
  static func watch(
    _ scene: Scene, cluster: String = "shop", _ body: (PodRecorder) async throws -> Void
  ) async throws {
    guard let api = scene.site.api() else { return }
    let observer = PodRecorder()
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask {
        try await api.follow(
          .pods, namespace: scene.fixture.namespace, labels: [Wire.Label.cluster: cluster],
          clock: ContinuousClock()
        ) { change in
          switch change {
          case .all(let pods, _): for pod in pods { observer.note(pod) }
          case .changed(let pod), .removed(let pod): observer.note(pod)
          }
        }
      }
      defer { tasks.cancelAll() }
      try await body(observer)
    }
  }

  private func note(_ pod: Object) {
    seen.withLock { seen in
      if seen[pod.name]?.contains(pod.uid) != true { seen[pod.name, default: []].append(pod.uid) }
    }
  }

  /// The number of pods that have had this name.
  func generations(_ pod: String) -> Int { seen.withLock { $0[pod]?.count ?? 0 } }
}
