import ClusterAPI
import Testing
import Upgrade
import Values

@testable import Controller

@Suite("Observation of a pod")
struct ObservingTests {
  private static func pod(_ containers: JSON, _ initContainers: JSON = []) -> PodObservation {
    PodObservation(
      Object(
        .pods, namespace: "prod", name: "worker-0",
        content: ["status": ["containerStatuses": containers, "initContainerStatuses": initContainers]]))
  }

  private static func waiting(_ reason: String, name: String = "app") -> JSON {
    ["name": .string(name), "state": ["waiting": ["reason": .string(reason)]], "restartCount": 0]
  }

  @Test("reports that no container ever ran only if a start failed and none was ever started")
  func hasRun() {
    #expect(!Self.pod([Self.waiting("ErrImagePull")]).hasRun)
    #expect(
      !Self.pod([Self.waiting("PodInitializing")], [Self.waiting("ImagePullBackOff", name: "seed")]).hasRun)
    #expect(Self.pod([]).hasRun)
    #expect(Self.pod([Self.waiting("ContainerCreating")]).hasRun)
    #expect(Self.pod([Self.waiting("CrashLoopBackOff")]).hasRun)
    let ended: JSON = ["name": "seed", "containerID": "x://1", "state": ["terminated": ["exitCode": 0]]]
    #expect(Self.pod([Self.waiting("ErrImagePull")], [ended]).hasRun)
    var restarted = Self.waiting("ErrImagePull")
    restarted["restartCount"] = 1
    #expect(Self.pod([restarted]).hasRun)
  }

  @Test(
    "reports unstarted while scheduled with every container waiting; readiness gates do not prevent setup"
  )
  func starts() {
    func pod(_ scheduled: String, _ containers: JSON, ready: String = "False") -> PodObservation {
      PodObservation(
        Object([
          "apiVersion": "v1", "kind": "Pod",
          "metadata": [
            "name": "w-0", "namespace": "prod", "creationTimestamp": "1970-01-01T00:01:00Z",
            "deletionTimestamp": "1970-01-01T00:02:00Z",
          ],
          "status": [
            "containerStatuses": containers,
            "conditions": [
              ["type": "PodScheduled", "status": .string(scheduled)],
              ["type": "Ready", "status": .string(ready)],
            ],
          ],
        ]))
    }
    #expect(pod("True", []).isUnstarted)
    #expect(pod("True", [Self.waiting("ContainerCreating")]).isUnstarted)
    #expect(!pod("False", []).isUnstarted)
    #expect(pod("True", []).createdAt == 60 && pod("True", []).endsBy == 120)
    var app: JSON = ["name": "app", "containerID": "x://1", "state": ["running": [:]], "ready": true]
    #expect(!pod("True", [app]).isUnstarted)
    #expect(pod("True", [app]).isContainerReady && !pod("True", [app]).isReady)
    app["ready"] = false
    #expect(!pod("True", [app], ready: "True").isContainerReady)
  }

  @Test("reports the waiting reason of an injected container too")
  func sidecar() {
    let app: JSON = ["name": "app", "containerID": "x://1", "state": ["running": [:]]]
    let pod = Self.pod([app, Self.waiting("ImagePullBackOff", name: "proxy")])
    #expect(pod.waitingReason == "ImagePullBackOff")
    #expect(pod.containerID == "x://1")
    #expect(!pod.isReady)
  }
}
