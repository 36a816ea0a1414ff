/// The resources that the node has for pods; nil means unlimited.
public struct NodeCapacity: Sendable, Hashable {
  /// Unit: thousandths of a CPU.
  public var milliCPU: Int64?
  /// Unit: bytes.
  public var memory: Int64?

  public init(milliCPU: Int64? = nil, memory: Int64? = nil) {
    self.milliCPU = milliCPU
    self.memory = memory
  }

  var isLimited: Bool { milliCPU != nil || memory != nil }
}

/// The node's capacity, the requests of its pods, and the remaining resources.
struct NodeResources: Sendable {
  /// Thousandths of a CPU, and bytes.
  typealias Requests = (milliCPU: Int64, memory: Int64)

  let capacity: NodeCapacity
  private var claims: [String: Requests] = [:]
  private var used: Requests = (0, 0)
  /// The pods that were refused for lack of resources.
  private var waiting: Set<String> = []

  init(_ capacity: NodeCapacity) { self.capacity = capacity }

  /// Reserves a pod's requests if enough resources are free. A pod that has a reservation keeps it.
  /// - Returns: the resource that is missing; nil if the pod is admitted. A refused pod waits until `release` returns
  ///   it.
  mutating func admit(_ uid: String, _ requests: Requests) -> String? {
    guard claims[uid] == nil else { return nil }
    if let lack = lack(requests) {
      waiting.insert(uid)
      return lack
    }
    claim(requests, for: uid)
    return nil
  }

  /// Reserves a pod's requests, even if too few resources are free.
  mutating func claim(_ requests: Requests, for uid: String) {
    claims[uid] = requests
    used.milliCPU &+= requests.milliCPU
    used.memory &+= requests.memory
  }

  /// Frees a pod's reservation.
  /// - Returns: the waiting pods, which may be admitted now.
  mutating func release(_ uid: String) -> [String] {
    if let requests = claims.removeValue(forKey: uid) {
      used.milliCPU &-= requests.milliCPU
      used.memory &-= requests.memory
    }
    waiting.remove(uid)
    defer { waiting = [] }
    return waiting.sorted()
  }

  private func lack(_ requests: Requests) -> String? {
    if let cpu = capacity.milliCPU, requests.milliCPU > cpu - used.milliCPU { return "Insufficient cpu" }
    if let memory = capacity.memory, requests.memory > memory - used.memory { return "Insufficient memory" }
    return nil
  }
}

/// The addresses of pods. Nothing listens there.
struct AddressPool: Sendable {
  private var used: Set<String> = []
  private var number = 1

  mutating func use(_ address: String) { used.insert(address) }

  mutating func free(_ address: String) { used.remove(address) }

  /// Returns an unused address in the style of a pod's address.
  mutating func next() -> String {
    while true {
      let address = "10.\(244 + number >> 16 & 7).\(number >> 8 & 255).\(number & 255)"
      number += 1
      if used.insert(address).inserted { return address }
    }
  }
}
