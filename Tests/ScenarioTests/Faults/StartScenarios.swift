import Foundation
import TestSupport
import Testing
import Values

@Suite("A daemon that cannot reach a dependency when it starts")
struct StartScenarios {
  private let fixture = Fixture(.kubernetes, workers: 1)

  @Test(
    "waits for an API server that is away, with a message, and continues when it returns", needsKubernetes)
  func waits() async throws {
    try await scenario(fixture, start: false) { scene in
      try await Fault.outage.withFault(scene) { faultedScene in
        await faultedScene.line.stop(for: .seconds(20))
        try await scene.start(["--kubeconfig", faultedScene.kubeconfig])
        let found = try await scene.eventually("message about an unavailable API server") {
          scene.logged("cluster.away").first
        }
        #expect(found.contains("it accepts no connections; check that the server runs"))
        try await scene.configured("1.0.0")
        #expect(try await scene.daemon().stop(within: .seconds(10)) == 0)
      }
    }
  }

  @Test("stops at once if it is asked to while it waits", needsKubernetes)
  func stopsWhileItWaits() async throws {
    try await scenario(fixture, start: false) { scene in
      try await Fault.outage.withFault(scene) { faultedScene in
        await faultedScene.line.stop(for: .seconds(300))
        let daemon = try await scene.start(["--kubeconfig", faultedScene.kubeconfig])
        try await scene.eventually("daemon that waits") {
          scene.logged("cluster.away").isEmpty ? nil : true
        }
        #expect(try await daemon.stop(within: .seconds(5)) == 0)
      }
    }
  }

  @Test("with --once exits 2 and names what to check", needsKubernetes)
  func once() async throws {
    try await scenario(fixture, start: false) { scene in
      try await Fault.outage.withFault(scene) { faultedScene in
        await faultedScene.line.stop(for: .seconds(300))
        let daemon = try await scene.start(["--once", "--kubeconfig", faultedScene.kubeconfig])
        #expect(try await daemon.ended(within: .seconds(60)) == 2)
        #expect(scene.log().contains("check that the server runs and that this is its address"))
      }
    }
  }

  @Test("exits 2 at once on wrong credentials", needsKubernetes)
  func strangers() async throws {
    try await scenario(fixture, start: false, judges: false) { scene in
      let site = try #require(scene.site as? KubernetesSite)
      var kubeconfig = try JSON.parse(Array(Data(contentsOf: URL(fileURLWithPath: site.kubeconfig))))
      kubeconfig["users"] = [["name": "kdops", "user": ["token": "of-another-user"]]]
      let path = "\(scene.folder.path)/kubeconfig-stranger"
      try Data(kubeconfig.serialized()).write(to: URL(fileURLWithPath: path))
      let daemon = try await scene.start(["--kubeconfig", path])
      #expect(try await daemon.ended(within: .seconds(10)) == 2)
      #expect(scene.log().contains("the server does not know"))
      #expect(!scene.log().contains("of-another-user"))
    }
  }

  @Test("exits 2 and prints how to create the namespace of its lease", needsKubernetes)
  func missingNamespace() async throws {
    try await scenario(fixture, start: false) { scene in
      let path = "\(scene.folder.path)/config-nowhere"
      let missing = "\(fixture.namespace)-nowhere"
      let configuration: JSON = [
        "installation": .string(fixture.namespace), "systemNamespace": .string(missing),
        "tenancy": ["namespaces": [.string(fixture.namespace)]],
      ]
      try Data(configuration.serialized()).write(to: URL(fileURLWithPath: path))
      let administrator = try #require(Backend.kubeconfig)
      let daemon = try await scene.start(["--kubeconfig", administrator, "--config", path])
      #expect(try await daemon.ended(within: .seconds(30)) == 2)
      #expect(scene.log().contains("kubectl create namespace \(missing)"))
      #expect(scene.log().contains("kdops install --export | kubectl apply -f -"))
    }
  }

  @Test("with --once exits 2 if the repository cannot be reached", needsBubblewrap)
  func repository() async throws {
    try await scenario(Fixture(.embedded, workers: 1), start: false) { scene in
      let daemon = try await scene.start(["--once", "--repo", "\(scene.folder.path)/nowhere.git"])
      #expect(try await daemon.ended(within: .seconds(60)) == 2)
      #expect(scene.log().contains("is not a git repository"))
    }
  }
}
