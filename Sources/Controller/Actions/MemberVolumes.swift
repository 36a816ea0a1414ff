import KubeDirector
import Values

/// The volumes of a member besides its claim, and their mounts in its main container.
struct MemberVolumes {
  private(set) var volumes: [JSON] = []
  private(set) var mounts: [JSON] = []

  /// - Parameters:
  ///   - usesSystemd: Whether the image runs systemd, which expects file systems in memory.
  ///   - persisted: Folders of the claim. They are not mounted twice.
  init(role: ClusterRole, usesSystemd: Bool, persisted: [String]) {
    if let secret = role.secret {
      var source: JSON = ["secretName": .string(secret.name)]
      if let mode = secret.mode { source["defaultMode"] = JSON(mode) }
      add("secret", ["secret": source], at: secret.path, isReadOnly: secret.isReadOnly)
    }
    for (index, volume) in role.volumeProjections.enumerated() {
      var source: JSON = ["claimName": .string(volume.claim)]
      if volume.isReadOnly { source["readOnly"] = true }
      add(
        "projected-\(index)", ["persistentVolumeClaim": source], at: volume.path,
        isReadOnly: volume.isReadOnly)
    }
    if usesSystemd {
      for path in ["/tmp", "/run", "/run/lock"] where !persisted.contains(path) {
        let name = "memory" + path.map { $0 == "/" ? "-" : "\($0)" }.joined()
        add(name, ["emptyDir": ["medium": "Memory"]], at: path)
      }
    }
    if let size = role.sharedMemory, !persisted.contains("/dev/shm") {
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
