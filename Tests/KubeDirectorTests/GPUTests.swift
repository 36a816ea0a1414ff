import KubeDirector
import Testing
import Values

@Suite("GPUs of a role")
struct GPUTests {
  private func variables(_ resources: JSON, _ env: JSON = []) -> JSON {
    .array(ClusterRole(["id": "worker", "resources": resources, "env": env]).containerEnvironment)
  }
  private static let hidden: JSON = ["name": "NVIDIA_VISIBLE_DEVICES", "value": "void"]
  private static let all: JSON = ["name": "NVIDIA_VISIBLE_DEVICES", "value": "all"]
  private static let mode: JSON = ["name": "MODE", "value": "fast"]

  @Test(
    "are hidden unless the role requests some, whatever its variables say",
    arguments: [
      [:], ["limits": ["cpu": "2"]], ["limits": ["nvidia.com/gpu": "0"]],
      ["limits": ["example.com/gpu": "1"]],
    ] as [JSON])
  func byDefault(resources: JSON) {
    #expect(variables(resources) == [Self.hidden])
    #expect(variables(resources, [Self.mode, Self.all]) == [Self.mode, Self.hidden])
  }

  @Test(
    "are left to Kubernetes if the role requests some: its own variable would give it others",
    arguments: [
      ["limits": ["nvidia.com/gpu": 1]], ["requests": ["nvidia.com/gpu": "2"]],
      ["limits": ["nvidia.com/mig-1g.5gb": "1"]],
    ] as [JSON])
  func requested(resources: JSON) {
    #expect(variables(resources) == [])
    #expect(variables(resources, [Self.mode, Self.all]) == [Self.mode])
  }
}
