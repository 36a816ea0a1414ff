import ClusterAPI
import KubeDirector
import Values

/// The part of a pod's spec that the node uses.
struct PodSpec: Sendable, Hashable {
  struct Container: Sendable, Hashable {
    var name: String
    var image: String
    var isInit: Bool
    /// The command of an init container. Images contain no programs here.
    var command: [String]
    var environment: [String: String]
    var mounts: [Mount]
    /// The size of `/dev/shm` in bytes; nil for the default of the node.
    var sharedMemory: Int?
  }

  struct Mount: Sendable, Hashable {
    /// The claim, or nil for a volume of the pod itself, which is empty when the pod is created.
    var claim: String?
    var volume: String
    /// The path in the container.
    var path: String
    /// The folder in the volume; empty for the whole volume.
    var subPath: String
    var isReadOnly: Bool
  }

  var name: ObjectName
  var uid: String
  /// The domains in which the pod looks up names.
  var searchDomains: [String]
  /// Init containers first, then main containers, each in the order of the spec.
  var containers: [Container]

  /// The pod's name, cut to the length that Linux allows for a host name.
  var hostname: String { String(name.name.prefix(63)) }

  init(_ pod: Object) {
    let spec = pod.json["spec"]
    var volumes: [String: JSON] = [:]
    for volume in spec?["volumes"]?.array ?? [] {
      if let name = volume["name"]?.string { volumes[name] = volume }
    }
    name = pod.objectName
    uid = pod.uid
    searchDomains = spec?["dnsConfig"]?["searches"]?.array?.compactMap(\.string) ?? []
    containers =
      (spec?["initContainers"]?.array ?? []).map { Container($0, isInit: true, volumes: volumes) }
      + (spec?["containers"]?.array ?? []).map { Container($0, isInit: false, volumes: volumes) }
  }

  /// The pod's resource requests: thousandths of a CPU, and bytes.
  static func requests(_ pod: Object) -> (milliCPU: Int64, memory: Int64) {
    var sum: (milliCPU: Int64, memory: Int64) = (0, 0)
    for container in pod.json["spec"]?["containers"]?.array ?? [] {
      // A limit without a request counts as the request.
      let resources = container["resources"]
      func amount(_ name: String) -> Quantity? {
        (resources?["requests"]?[name]?.string ?? resources?["limits"]?[name]?.string).flatMap {
          Quantity($0)
        }
      }
      if let cpu = amount("cpu") { sum.milliCPU = sum.milliCPU.addingSaturated(cpu.thousandths) }
      if let memory = amount("memory") { sum.memory = sum.memory.addingSaturated(memory.wholeUnits) }
    }
    return sum
  }
}

extension PodSpec.Container {
  /// The only path where a volume in memory is a memory file system here.
  private static let sharedMemoryPath = "/dev/shm"

  init(_ json: JSON, isInit: Bool, volumes: [String: JSON]) {
    name = json["name"]?.string ?? ""
    image = json["image"]?.string ?? ""
    self.isInit = isInit
    command = ["command", "args"].flatMap { json[$0]?.array?.compactMap(\.string) ?? [] }
    environment = [:]
    for variable in json["env"]?.array ?? [] {
      if let name = variable["name"]?.string { environment[name] = variable["value"]?.string ?? "" }
    }
    mounts = []
    for mount in json["volumeMounts"]?.array ?? [] {
      guard let name = mount["name"]?.string, let path = mount["mountPath"]?.string else { continue }
      let volume = volumes[name]
      if path == Self.sharedMemoryPath, volume?["emptyDir"]?["medium"]?.string == "Memory" {
        let size = volume?["emptyDir"]?["sizeLimit"]?.string.flatMap { Quantity($0)?.wholeUnits }
        if let size, size > 0 { sharedMemory = Int(size) }
        continue
      }
      mounts.append(
        PodSpec.Mount(
          claim: volume?["persistentVolumeClaim"]?["claimName"]?.string, volume: name, path: path,
          subPath: mount["subPath"]?.string ?? "", isReadOnly: mount["readOnly"]?.bool ?? false))
    }
  }
}

extension Quantity {
  /// Thousandths, rounded up.
  fileprivate var thousandths: Int64 {
    guard let nano = Int128(canonical.dropLast()), nano > 0 else { return 0 }
    return Int64(clamping: (nano + 999_999) / 1_000_000)
  }
}

extension Int64 {
  fileprivate func addingSaturated(_ other: Int64) -> Int64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}
