import Diagnostics
import KubeDirector
import Testing

@testable import Daemon

@Suite("Waiting for the daemon's answer")
struct DaemonWatchTests {
  private let cluster = ObjectReference(kind: Wire.clusterKind, namespace: "prod", name: "analytics")

  @Test("ends as soon as the condition is true")
  func holds() async {
    let watch = DaemonWatch()
    async let waited = watch.wait(atMost: .seconds(3_600)) { [cluster] in
      $0.clusters[cluster]?.state == .configured
    }
    await watch.cluster(cluster, ClusterStatus(state: .creating, app: "a"))
    await watch.cluster(cluster, ClusterStatus(state: .configured, app: "a"))
    #expect(await waited)
  }

  @Test("gives up after its limit")
  func givesUp() async {
    #expect(await DaemonWatch().wait(atMost: .milliseconds(1)) { _ in false } == false)
  }
}
