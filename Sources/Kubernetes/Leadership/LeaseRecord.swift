import ClusterAPI
import KubeDirector
import Values

/// The leader's record in a Lease (`coordination.k8s.io/v1`, `spec`).
struct LeaseRecord: Sendable, Hashable {
  /// Nil if there is no leader; on the wire this may be an empty string.
  var holder: String?
  /// The time after the last change during which the lease must not be taken from its holder.
  var seconds: Int?
  /// When the current holder acquired the lease. Informational: no decision uses another machine's clock.
  var acquired: String?
  var renewed: String?
  /// The number of changes of the holder.
  var transitions: Int

  init(
    holder: String?, seconds: Int? = nil, acquired: String? = nil, renewed: String? = nil,
    transitions: Int = 0
  ) {
    self.holder = holder
    self.seconds = seconds
    self.acquired = acquired
    self.renewed = renewed
    self.transitions = transitions
  }

  init(_ object: Object) {
    let spec = object.json["spec"]
    holder = spec?["holderIdentity"]?.string.flatMap { $0.isEmpty ? nil : $0 }
    seconds = spec?["leaseDurationSeconds"]?.count()
    acquired = spec?["acquireTime"]?.string
    renewed = spec?["renewTime"]?.string
    transitions = spec?["leaseTransitions"]?.count() ?? 0
  }

  /// Builds the object to send: a new lease, or the given one with this record.
  ///
  /// - Parameter notes: annotations to set; others are kept.
  func object(_ name: ObjectName, over lease: Object?, notes: [String: String] = [:]) -> Object {
    var object = lease ?? Object(.leases, namespace: name.namespace, name: name.name)
    var spec = object.json["spec"] ?? [:]
    spec["holderIdentity"] = .string(holder ?? "")
    spec["leaseDurationSeconds"] = seconds.map { JSON($0) }
    spec["acquireTime"] = acquired.map(JSON.string)
    spec["renewTime"] = renewed.map(JSON.string)
    spec["leaseTransitions"] = JSON(transitions)
    object.json["spec"] = spec
    if !notes.isEmpty {
      var metadata = object.json["metadata"] ?? [:]
      var annotations = metadata["annotations"] ?? [:]
      for (key, value) in notes { annotations[key] = .string(value) }
      metadata["annotations"] = annotations
      object.json["metadata"] = metadata
    }
    return object
  }

  /// Formats a time as Kubernetes' `MicroTime`: always six digits after the point.
  /// - Parameter wall: since 1970-01-01T00:00:00Z.
  static func text(_ wall: Duration) -> String {
    let (seconds, attoseconds) = wall.components
    let micros = String(attoseconds / 1_000_000_000_000)
    let zeros = String(repeating: "0", count: max(0, 6 - micros.count))
    return "\(Timestamp.text(Int(seconds)).dropLast()).\(zeros)\(micros)Z"
  }
}
