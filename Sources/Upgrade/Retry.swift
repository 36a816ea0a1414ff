import KubeDirector

// What failed is run again on request only, and once a request: annotation `kdops.dev/retry`.
extension ClusterMachine {
  /// Takes a request in that was not heard before.
  mutating func hearRetry() {
    guard let request = RetryRequest(observed.cluster.metadata), request.mark != status.lastRetry else {
      return
    }
    status.lastRetry = request.mark
    for role in status.roles.indices {
      guard let index = status.roles[role].members.firstIndex(where: { $0.pod == request.pod }) else {
        continue
      }
      return retry(role, index, request)
    }
    tell(.retryIgnored(reason: "the cluster has no member \(request.pod)"))
  }

  private mutating func retry(_ role: Int, _ index: Int, _ request: RetryRequest) {
    var member = status.roles[role].members[index]
    guard member.state == .configError else {
      return tell(.retryIgnored(reason: "nothing has failed in \(member.pod)"))
    }
    guard let pod = observed.pods[member.pod], !pod.isBeingDeleted, let container = pod.containerID,
      member.detail.lastConfiguredContainer == container
    else {
      return tell(
        .retryIgnored(reason: "the container of \(member.pod) is gone, and the next one is set up anew"))
    }
    guard isOurs(member, pod) else {
      return tell(.retryIgnored(reason: "\(member.pod) is about to be replaced"))
    }
    let pending = member.detail.pendingNotifications
    switch member.detail.failedStep ?? (pending.isEmpty ? .install : .script) {
    case .install:
      member.detail.lastConfiguredContainer = nil
      member.state = .creating
      tell(.retried(pod: member.pod, what: "the installation of its config package"))
    case .script:
      guard let failed = member.failedNotification else {
        return tell(.retryIgnored(reason: "\(member.pod) is owed no script"))
      }
      // Under another name: the container remembers how the run of the old name ended.
      member.detail.pendingNotifications[0].retry(request)
      member.state = member.owesSetUp ? .creating : .configured
      tell(.retried(pod: member.pod, what: "startscript \(failed.event.argument)"))
    }
    member.clearError()
    status.roles[role].members[index] = member
  }
}

/// A request to run again what failed in one member.
///
/// Its text begins with the name of the pod. What follows after a character that is in no name, such as a blank,
/// tells this request from an earlier one: `analytics-worker-2 2026-01-31T09:05:00Z`.
public struct RetryRequest: Sendable, Hashable {
  public var pod: String
  /// Stands for the whole text.
  public var mark: String

  /// Longer texts are remembered by their digest: what a status remembers must be bounded.
  private static let markLimit = 120

  /// Nil where there is no request, or none that names a pod.
  public init?(_ metadata: Metadata) {
    guard let text = metadata.annotations[Wire.Annotation.retry] else { return nil }
    let name = text.utf8.prefix {
      (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D || $0 == 0x2E
    }
    guard !name.isEmpty else { return nil }
    pod = String(decoding: name, as: UTF8.self)
    mark = text.utf8.count <= Self.markLimit ? text : Digest.short(text)
  }
}

extension Notification {
  /// A run of it failed, and it is run again.
  var isRetried: Bool { id.contains("/") }

  /// The same, told from the run that failed. What the id was before the first retry stands before the slash.
  fileprivate mutating func retry(_ request: RetryRequest) {
    id = "\(id.prefix { $0 != "/" })/\(Digest.short(request.mark))"
  }
}
