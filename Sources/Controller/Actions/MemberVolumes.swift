import KubeDirector
import Values

/// The volumes of a member besides its claim, and their mounts in its main container.
struct MemberVolumes {
  private(set) var volumes: [JSON] = []
  private(set) var mounts: [JSON] = []

  init(role: ClusterRole) {
    if let size = role.sharedMemory {
      add("shared-memory", ["emptyDir": ["medium": "Memory", "sizeLimit": .string(size)]], at: "/dev/shm")
    }
  }

  private mutating func add(_ name: String, _ volume: JSON, at path: String) {
    var volume = volume
    volume["name"] = .string(name)
    volumes.append(volume)
    mounts.append(["name": .string(name), "mountPath": .string(path)])
  }
}
