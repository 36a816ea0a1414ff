/// Why a cluster does not progress without intervention, and what ends that.
public struct Stall: Sendable, Hashable {
  /// The pod that does not progress; nil if the cause is not in a pod.
  public var pod: String?
  public var reason: StatusReason
  /// The problem, for users: `analytics-worker-2: ErrImagePull: spark:9 not found`.
  public var cause: String
  public var remedy: Remedy
  /// The remedy for users, as text that follows the cause; empty for `none`.
  public var advice: String

  /// The action that a user has to take.
  public enum Remedy: Sendable, Hashable {
    /// Name the old app in git again. The first digits of the commit that began the upgrade; nil if it is unknown.
    case revert(commit: String?)
    /// Fix the cause, then request that the failed task runs again.
    case retry
    /// Fix the cause. The engine then continues without a request.
    case wait
    /// The cause itself says what to do.
    case none
  }

  public init(
    pod: String? = nil, reason: StatusReason, cause: String, remedy: Remedy = .none, advice: String = ""
  ) {
    self.pod = pod
    self.reason = reason
    self.cause = cause
    self.remedy = remedy
    self.advice = advice
  }

  /// The message of the condition `Stalled`.
  public var message: String { cause + advice }
}

extension ClusterStatus {
  /// Why progress requires intervention; nil if the cluster is not stalled.
  public var stall: Stall? { condition(.stalled).flatMap(Stall.init) }

  public var isStalled: Bool { condition(.stalled)?.status == true }
}

// The wire format. The condition of a stall has a reason and a message, as all conditions of Kubernetes, and no field
// for the pod and the remedy. So they are read from the first words of the message and of its last part. The texts
// below are part of the format: statuses of earlier versions contain them too.
extension Stall {
  /// The first words of each remedy.
  public enum Opening {
    public static let revert = "; to return to "
    public static let fix = "; fix the cause"
    /// The first words of the remedy `fix`, for a stall that a user might try to end with a revert.
    public static let fixNotRevert = "; a revert does not fix that: fix the cause"
    /// Follows `fix` and `fixNotRevert` if the remedy is `retry`.
    public static let retry = ", then kdops retry "
    /// Follows the old app if the remedy is `revert`.
    public static let commit = ", revert commit "
  }

  /// Reads the condition `Stalled`; nil for another one, and for one that is false.
  public init?(_ condition: Condition) {
    guard condition.type == .stalled, condition.status else { return nil }
    self.init(reason: condition.reason, message: condition.message)
  }

  public init(reason: StatusReason, message: String) {
    let begin = [Opening.revert, Opening.fix, Opening.fixNotRevert].compactMap {
      message.firstRange(of: $0)?.lowerBound
    }.min()
    let advice = message[(begin ?? message.endIndex)...]
    let name = message.prefix { $0 != ":" }
    self.init(
      pod: name.endIndex < message.endIndex && DerivedNames.stemOfPod(String(name)) != nil
        ? String(name) : nil,
      reason: reason, cause: String(message[..<advice.startIndex]), remedy: Self.remedy(advice),
      advice: String(advice))
  }

  private static func remedy(_ advice: Substring) -> Remedy {
    if advice.isEmpty { return .none }
    if advice.hasPrefix(Opening.revert) {
      let commit = advice.firstRange(of: Opening.commit).map {
        advice[$0.upperBound...].prefix(while: \.isHexDigit)
      }
      return .revert(commit: commit.flatMap { $0.isEmpty ? nil : String($0) })
    }
    return advice.contains(Opening.retry) ? .retry : .wait
  }
}
