import KubeDirector
import Values

/// The volumes of a member besides its claim, and their mounts in its main container.
struct MemberVolumes {
  private(set) var volumes: [JSON] = []
  private(set) var mounts: [JSON] = []

  init(role: ClusterRole) {
    if let secret = role.secret {
      var source: JSON = ["secretName": .string(secret.name)]
      if let mode = secret.mode { source["defaultMode"] = JSON(mode) }
      add("secret", ["secret": source], at: secret.path, isReadOnly: secret.isReadOnly)
    }
    if let size = role.sharedMemory {
      add("shared-memory", ["emptyDir": ["medium": "Memory", "sizeLimit": .string(size)]], at: "/dev/shm")
    }
  }

  private mutating func add(_ name: String, _ volume: JSON, at path: String, isReadOnly: Bool = false) {
    var volume = volume
    volume["name"] = .string(name)
    volumes.append(volume)
    var mount: JSON = ["name": .string(name), "mountPath": .string(path)]
    if isReadOnly { mount["readOnly"] = true }
    mounts.append(mount)
  }
}
