import ClusterAPI
import Testing
import Upgrade
import Values

@testable import Controller

@Suite("What is seen of a pod")
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

  @Test("nothing ever ran in it only where a start has failed and no container was ever started")
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

  @Test("a container that others put into it may be what it waits for")
  func sidecar() {
    let app: JSON = ["name": "app", "containerID": "x://1", "state": ["running": [:]]]
    let pod = Self.pod([app, Self.waiting("ImagePullBackOff", name: "proxy")])
    #expect(pod.waitingReason == "ImagePullBackOff")
    #expect(pod.containerID == "x://1")
    #expect(!pod.isReady)
  }
}
