import KubeDirector

// Deadlines for pods that are not created and pods that do not terminate. Kubernetes does not report these as
// failures.
extension ClusterMachine {
  /// Records that a member's pod is overdue. Before that, requests a wake-up for the moment when it will be.
  mutating func applyDelay(
    _ member: inout MemberStatus, _ pod: PodObservation?, _ role: RoleStatus, _ ordinal: Int
  ) {
    guard let delay = delay(member, pod, role, ordinal) else { return }
    let left = delay.since + delay.grace - observed.now
    guard left <= 0 else {
      actions.append(.wake(after: left))
      return
    }
    member.detail.waitingReason = delay.reason
    member.detail.waitingMessage = delay.words
  }

  /// A delay of a pod: its reason, when it started, and for how long it is normal.
  private struct Delay {
    var reason: StatusReason
    var since: Int
    var grace: Int
    /// The problem and the remediation.
    var words: String
  }

  private func delay(
    _ member: MemberStatus, _ pod: PodObservation?, _ role: RoleStatus, _ ordinal: Int
  ) -> Delay? {
    let namespace = observed.cluster.metadata.namespace
    guard let pod else {
      guard !member.isLeaving, let since = missingSince(member, role, ordinal) else { return nil }
      return Delay(
        reason: .podNotCreated, since: since, grace: Grace.creation,
        words: "the pod is not made, as a quota or a policy may have it; "
          + "kubectl describe statefulset -n \(namespace) \(role.statefulSet) says why")
    }
    if pod.isBeingDeleted {
      guard let since = pod.endsBy else { return nil }
      return Delay(
        reason: .podNotEnded, since: since, grace: Grace.end,
        words: "the pod does not end, as on a node that is lost; once that node surely runs no more, "
          + "kubectl delete pod -n \(namespace) \(member.pod) --force")
    }
    let isOrdinary = pod.waitingReason?.isPartOfAnyStart ?? true
    guard pod.isUnstarted, isOrdinary, !step(of: member).replaces(pod), let since = pod.createdAt else {
      return nil
    }
    return Delay(
      reason: .podNotStarted, since: since, grace: Grace.start,
      words:
        "no container has started, as with a volume or a secret that is not there, or a very large image; "
        + "kubectl describe pod -n \(namespace) \(member.pod) says what it waits for")
  }

  /// The time from which the delay of a missing pod is measured; nil if its set is not expected to have created it yet.
  ///
  /// No object records when a pod went missing. That was not before the members stopped being ready, not before the pod
  /// was claimed, and not before its deletion was observed. So the latest of these times is used.
  private func missingSince(_ member: MemberStatus, _ role: RoleStatus, _ ordinal: Int) -> Int? {
    guard let set = observed.sets[role.id], set.isObserved, set.replicas > ordinal else { return nil }
    guard let ready = observed.status?.condition(.ready), !ready.status else { return observed.now }
    return max(ready.lastTransition, member.upgrade?.since ?? 0, observed.gone[member.pod] ?? 0)
  }
}
