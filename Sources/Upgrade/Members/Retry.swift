import KubeDirector

// Retries: a failed task runs again only on request, once per request. The request is the annotation
// `kdops.dev/retry`.
extension ClusterMachine {
  /// Handles a retry request that was not handled before.
  mutating func handleRetry() {
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
    emit(.retryIgnored(reason: "the cluster has no member \(request.pod)"))
  }

  private mutating func retry(_ role: Int, _ index: Int, _ request: RetryRequest) {
    var member = status.roles[role].members[index]
    guard member.state == .configError else {
      return emit(.retryIgnored(reason: "nothing has failed in \(member.pod)"))
    }
    guard let pod = observed.pods[member.pod], !pod.isBeingDeleted, let container = pod.containerID,
      member.detail.lastConfiguredContainer == container
    else {
      return emit(
        .retryIgnored(reason: "the container of \(member.pod) is gone, and the next one is set up anew"))
    }
    guard step(of: member).allowsWork(in: pod.revision) else {
      return emit(.retryIgnored(reason: "\(member.pod) is about to be replaced"))
    }
    let pending = member.detail.pendingNotifications
    switch member.detail.failedStep ?? (pending.isEmpty ? .install : .script) {
    case .install:
      member.detail.lastConfiguredContainer = nil
      member.state = .creating
      emit(.retried(pod: member.pod, what: "the installation of its config package"))
    case .script:
      guard let failed = member.failedNotification else {
        return emit(.retryIgnored(reason: "\(member.pod) has no pending script"))
      }
      // The retry gets a new id, because the container remembers how the run with the old id ended.
      member.detail.pendingNotifications[0].retry(request)
      member.state = member.needsSetUp ? .creating : .configured
      emit(.retried(pod: member.pod, what: failed.event.words))
    }
    member.clearError()
    status.roles[role].members[index] = member
  }
}

/// A request to run the failed task of one member again.
///
/// The text begins with the pod's name. The rest, after a character that cannot be part of a name such as a blank,
/// distinguishes this request from earlier ones: `analytics-worker-2 2026-01-31T09:05:00Z`.
public struct RetryRequest: Sendable, Hashable {
  public var pod: String
  /// Identifies the request: its text, or a digest of a long text.
  public var mark: String

  /// Longer texts are stored as a digest, because the size of a status must be bounded.
  private static let markLimit = 120

  /// Creates a request; nil if there is none or it names no pod.
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
  /// Whether a run of this notification failed and it runs again.
  var isRetried: Bool { id.contains("/") }

  /// Gives the notification a new id, distinct from the failed run. The part before the slash is the original id.
  fileprivate mutating func retry(_ request: RetryRequest) {
    id = "\(id.prefix { $0 != "/" })/\(Digest.short(request.mark))"
  }
}
