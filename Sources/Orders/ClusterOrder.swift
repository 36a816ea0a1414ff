import ClusterAPI
import KubeDirector
import StatusWriter
import Values

/// What somebody asks of a cluster by command: a note on the object, which the engine heeds.
public struct ClusterOrder: Hashable, Sendable {
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    /// Begin no next step.
    case suspend
    /// Go on.
    case resume
    /// Run again what failed.
    case retry
  }

  var kind: Kind
  /// The cluster that is meant.
  public var cluster: ObjectName
  var pod: String?

  /// - Parameter pod: the member whose script is meant; nil for the one that failed.
  public init(kind: Kind, cluster: ObjectName, pod: String? = nil) {
    (self.kind, self.cluster, self.pod) = (kind, cluster, pod)
  }

  /// What is to be written, and what is said of it.
  struct Plan: Hashable, Sendable {
    /// Annotations; nil values go. Empty where nothing is to be done.
    var annotations: [String: String?]
    /// What happens next, in one sentence.
    var words: String
  }

  /// Decides by the object alone.
  ///
  /// - Parameter now: in whole seconds since 1970.
  /// - Throws: why it is not done, with the way out.
  func plan(for live: Object, now: Int) throws(OrderRefusal) -> Plan {
    switch kind {
    case .suspend: try suspend(live)
    case .resume: try resume(live)
    case .retry: try retry(live, now)
    }
  }

  private func suspend(_ live: Object) throws(OrderRefusal) -> Plan {
    let key = Wire.Annotation.suspend
    if live.annotation(key) == "true" {
      let source = live.isCarried(key) ? " by \(live.file)" : ""
      return Plan(annotations: [:], words: "\(cluster) is suspended already\(source)")
    }
    try refuseWhatGitSays(key, live)
    return Plan(
      annotations: [key: "true"],
      words: "\(cluster) is suspended: scripts that run end, no next step is begun\(live.underWay)")
  }

  private func resume(_ live: Object) throws(OrderRefusal) -> Plan {
    let key = Wire.Annotation.suspend
    guard live.annotation(key) == "true" else {
      return Plan(annotations: [:], words: "\(cluster) is not suspended, so nothing changes")
    }
    try refuseWhatGitSays(key, live)
    return Plan(annotations: [key: .none], words: "\(cluster) goes on where it stopped\(live.underWay)")
  }

  private func retry(_ live: Object, _ now: Int) throws(OrderRefusal) -> Plan {
    let key = Wire.Annotation.retry
    try refuseWhatGitSays(key, live)
    let member = try failed(in: ClusterStatus(live.json["status"]))
    if live.isSuspended {
      throw OrderRefusal("\(cluster) is suspended, so nothing would run: kdops resume \(cluster) first")
    }
    // Each request is another text, also within a second.
    var value = "\(member.pod)@\(now)"
    if live.annotation(key) == value { value = "\(member.pod)@\(now + 1)" }
    return Plan(
      annotations: [key: value],
      words:
        "\(cluster): what failed in \(member.pod) is run again (\(member.detail.configError ?? "failed"))")
  }

  private func failed(in status: ClusterStatus?) throws(OrderRefusal) -> MemberStatus {
    let failed = (status?.members ?? []).filter { $0.state == .configError }
    if let pod {
      guard let member = status?.members.first(where: { $0.pod == pod }) else {
        throw OrderRefusal("\(cluster) has no member \(pod); see kdops status \(cluster)")
      }
      guard member.state == .configError else {
        throw OrderRefusal("\(cluster): nothing has failed in \(pod) (it is \(member.state.rawValue))")
      }
      return member
    }
    guard let first = failed.first else {
      let stall = status?.stall.map { "; it is stalled for another reason: \($0.message)" } ?? ""
      throw OrderRefusal("\(cluster): no script has failed, so there is nothing to run again\(stall)")
    }
    guard failed.count == 1 else {
      let names = failed.map(\.pod).joined(separator: ", ")
      throw OrderRefusal(
        "\(cluster): scripts failed in \(names); name one: kdops retry \(cluster)/\(first.pod)")
    }
    return first
  }

  /// What git says wins, so nothing is written that the next commit would take back.
  private func refuseWhatGitSays(_ key: String, _ live: Object) throws(OrderRefusal) {
    guard live.isCarried(key) else { return }
    let value = live.annotation(key).map { ": \"\($0)\"" } ?? ""
    throw OrderRefusal(
      "\(cluster): git says \(key)\(value) in \(live.file), and what git says wins; change it there and push")
  }
}

/// Why an order is not carried out; one sentence with the way out.
public struct OrderRefusal: Error, Hashable, CustomStringConvertible {
  /// The sentence.
  public var description: String

  /// - Parameter description: one sentence with the way out.
  public init(_ description: String) { self.description = description }
}

extension Object {
  /// True for an annotation that the object has from its file in git.
  fileprivate func isCarried(_ key: String) -> Bool {
    annotation(Wire.Annotation.carried)?.split(separator: " ").contains { $0 == "a:\(key)" } ?? false
  }

  fileprivate var file: String { annotation(Wire.Annotation.path) ?? "its file" }

  /// `; the upgrade from spark-1.0.0 to spark-1.1.0 has done 2 of 6 pods`; empty where none runs.
  fileprivate var underWay: String {
    guard let status = ClusterStatus(json["status"]), let progress = UpgradeProgress(status) else {
      return ""
    }
    let way = progress.isRollingBack ? "rollback" : "upgrade"
    return
      "; the \(way) from \(progress.fromApp) to \(progress.toApp) has done \(progress.done) of \(progress.total) pods"
  }
}
