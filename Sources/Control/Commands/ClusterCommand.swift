import ClusterAPI
import KubeDirector
import Reports
import Values

/// A command to a cluster: an annotation on the object, which the engine handles.
public struct ClusterCommand: Hashable, Sendable {
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    /// Start no further step.
    case suspend
    /// Continue a suspended cluster.
    case resume
    /// Run failed scripts again.
    case retry
  }

  var kind: Kind
  /// The cluster that the command is for.
  public var cluster: ObjectName
  var pod: String?

  /// - Parameter pod: the member whose script to run again; nil for the one that failed.
  public init(kind: Kind, cluster: ObjectName, pod: String? = nil) {
    (self.kind, self.cluster, self.pod) = (kind, cluster, pod)
  }

  /// The annotations to write, and the answer to the user.
  struct Plan: Hashable, Sendable {
    /// The annotations to write; a nil value removes one. Empty if nothing needs to be written.
    var annotations: [String: String?]
    /// The effect of the command, in one sentence.
    var words: String
    /// The pod whose script runs again.
    var pod: String?
  }

  /// Decides from the object alone what to write.
  ///
  /// - Parameter now: in whole seconds since 1970.
  /// - Throws: the reason for a refusal, with the remediation.
  func plan(for live: Object, now: Int) throws(ControlRefusal) -> Plan {
    switch kind {
    case .suspend: try suspend(live)
    case .resume: try resume(live)
    case .retry: try retry(live, now)
    }
  }

  private func suspend(_ live: Object) throws(ControlRefusal) -> Plan {
    let key = Wire.Annotation.suspend
    if live.annotation(key) == "true" {
      let source = live.isCarried("a:\(key)") ? " by \(live.file)" : ""
      return Plan(annotations: [:], words: "\(cluster) is suspended already\(source)")
    }
    try refuseWhatGitSays(key, live)
    return Plan(
      annotations: [key: "true"],
      words: "\(cluster) is suspended: scripts that run end, no next step is begun\(live.underWay)")
  }

  private func resume(_ live: Object) throws(ControlRefusal) -> Plan {
    let key = Wire.Annotation.suspend
    guard live.annotation(key) == "true" else {
      return Plan(annotations: [:], words: "\(cluster) is not suspended, so nothing changes")
    }
    try refuseWhatGitSays(key, live)
    return Plan(annotations: [key: .none], words: "\(cluster) continues where it stopped\(live.underWay)")
  }

  private func retry(_ live: Object, _ now: Int) throws(ControlRefusal) -> Plan {
    let key = Wire.Annotation.retry
    try refuseWhatGitSays(key, live)
    let member = try failed(in: ClusterStatus(live.json["status"]))
    if live.isSuspended {
      throw ControlRefusal("\(cluster) is suspended, so nothing would run: kdops resume \(cluster) first")
    }
    // Each request needs a distinct value, also within the same second.
    var value = "\(member.pod)@\(now)"
    if live.annotation(key) == value { value = "\(member.pod)@\(now + 1)" }
    return Plan(
      annotations: [key: value],
      words:
        "\(cluster): what failed in \(member.pod) is run again (\(member.detail.configError ?? "failed"))",
      pod: member.pod)
  }

  private func failed(in status: ClusterStatus?) throws(ControlRefusal) -> MemberStatus {
    let failed = (status?.members ?? []).filter { $0.state == .configError }
    if let pod {
      guard let member = status?.members.first(where: { $0.pod == pod }) else {
        throw ControlRefusal("\(cluster) has no member \(pod); see kdops status \(cluster)")
      }
      guard member.state == .configError else {
        throw ControlRefusal(
          "\(cluster): nothing has failed in \(pod) (it is \(member.state.rawValue)); see kdops status \(cluster)"
        )
      }
      return member
    }
    guard let first = failed.first else {
      let next =
        status?.stall.map { "it is stalled for another reason: \($0.message)" }
        ?? "see kdops status \(cluster)"
      throw ControlRefusal("\(cluster): no script has failed, so there is nothing to run again; \(next)")
    }
    guard failed.count == 1 else {
      let names = failed.map(\.pod).joined(separator: ", ")
      throw ControlRefusal(
        "\(cluster): scripts failed in \(names); name one: kdops retry \(cluster)/\(first.pod)")
    }
    return first
  }

  /// Refuses an annotation that the file in git sets: git takes precedence, so the next commit would revert it.
  private func refuseWhatGitSays(_ key: String, _ live: Object) throws(ControlRefusal) {
    guard live.isCarried("a:\(key)") else { return }
    let value = live.annotation(key).map { ": \"\($0)\"" } ?? ""
    throw ControlRefusal(
      "\(cluster): git sets \(key)\(value) in \(live.file), and git takes precedence; change it there and push"
    )
  }
}

/// The reason why a command is refused; one sentence with the remediation.
public struct ControlRefusal: Error, Hashable, CustomStringConvertible {
  /// The reason and the remediation, in one sentence.
  public var description: String

  /// - Parameter description: one sentence with the remediation.
  public init(_ description: String) { self.description = description }
}

extension Object {
  fileprivate var file: String { annotation(Wire.Annotation.path) ?? "its file" }

  /// `; the upgrade from spark-1.0.0 to spark-1.1.0 has done 2 of 6 pods`; empty if no upgrade runs.
  fileprivate var underWay: String {
    guard let status = ClusterStatus(json["status"]), let progress = UpgradeProgress(status) else {
      return ""
    }
    let way = progress.isRollingBack ? "rollback" : "upgrade"
    return
      "; the \(way) from \(progress.fromApp) to \(progress.toApp) has done \(progress.done) of \(progress.total) pods"
  }
}
