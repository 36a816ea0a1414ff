import KubeDirector

// The journal of upgrades and rollbacks, updated from what this step observed and decided. It is written only
// together with other changes of the status: a step that changes nothing else leaves it unchanged, so it never costs
// a write of its own. Because the journal and the changes that it describes are written together, a daemon that is
// killed in between neither loses nor repeats a line.
extension ClusterMachine {
  mutating func keepJournal() {
    let before = observed.status
    guard status != before else { return }
    if let info = status.upgradeInfo {
      status.journal.end(at: observed.now, unlessIn: info)
      if status.journal.open(info) == nil { status.journal.runs.append(run(info, since: before)) }
      if let run = status.journal.open(info) { enterPods(run, info) }
    } else if let info = before?.upgradeInfo {
      if let run = status.journal.open(info) { enterPods(run, info) }
      status.journal.end(at: observed.now, unlessIn: nil)
    }
    status.journal.trim()
  }

  /// A new run. If the beginning of the run was lost, it includes the pods that are in progress.
  private func run(_ info: UpgradeInfo, since before: ClusterStatus?) -> Journal.Run {
    var run = Journal.Run(
      id: info.id, isRollback: info.isRollingBack, from: info.prevApp, to: status.app,
      commit: observed.cluster.metadata.specCommit, began: info.startedAt)
    for role in before?.roles ?? [] {
      for member in role.members.reversed() {
        guard let ledger = member.upgrade, ledger.id == info.id, !ledger.done, ledger.since >= info.startedAt,
          before?.upgradeInfo?.isRollingBack == info.isRollingBack
        else { continue }
        run.pods.append(Journal.Pod(role: role.id, pod: member.pod, at: ledger.since - info.startedAt))
      }
    }
    return run
  }

  private mutating func enterPods(_ run: Int, _ info: UpgradeInfo) {
    var entry = status.journal.runs[run]
    let elapsed = max(0, observed.now - entry.began)
    var (done, failed, retried): (Set<String>, Set<String>, Set<String>) = ([], [], [])
    for case .emit(let event) in actions {
      switch event {
      case .podClaimed(let pod, let role, info.isRollingBack):
        entry.pods.append(Journal.Pod(role: role, pod: pod, at: elapsed))
      case .podDone(let pod, _, info.isRollingBack, _): done.insert(pod)
      case .podFailed(let pod, _, _): failed.insert(pod)
      case .retried(let pod, _): retried.insert(pod)
      default: break
      }
    }
    let open = Set(entry.pods.lazy.filter { !$0.isDone }.map(\.pod))
    for member in status.members where open.contains(member.pod) {
      // A later entry of the same pod has replaced the earlier one.
      guard let index = entry.pods.lastIndex(where: { $0.pod == member.pod }), !entry.pods[index].isDone
      else {
        continue
      }
      enter(
        member, into: &entry.pods[index], elapsed, began: entry.began, isDone: done.contains(member.pod),
        hasFailed: failed.contains(member.pod))
    }
    for pod in retried {
      guard let index = entry.pods.lastIndex(where: { $0.pod == pod }) else { continue }
      entry.pods[index].retries += 1
      // A pod that was done has failed in a script that runs after its own upgrade.
      if !entry.pods[index].isDone { entry.pods[index].wait(until: elapsed) }
    }
    enterWaits(&entry, elapsed)
    status.journal.runs[run] = entry
  }

  private func enter(
    _ member: MemberStatus, into entry: inout Journal.Pod, _ elapsed: Int, began: Int, isDone: Bool,
    hasFailed: Bool
  ) {
    if let role = status.role(entry.role),
      let stall = Stall.of(member, in: role, of: status, now: observed.now, deadline: deadline)
    {
      entry.stallReason = Journal.brief(String(stall.cause.dropFirst(member.pod.count + 2)))
    }
    let old = observed.status?.members.first { $0.pod == member.pod }?.upgrade
    // If this step ends the run, the ledger is already gone.
    let ledger = member.upgrade ?? old
    let container = ledger?.containerID
    // A failed installation ends the phase as well as a successful one.
    let isInstalled = container != nil && container != old?.containerID
    if isInstalled || ((isDone || hasFailed) && entry.start == nil) || (hasFailed && container == nil) {
      enterPhases(into: &entry, elapsed, began: began)
    } else if ledger?.script != nil, isDone || hasFailed {
      entry.hook = nil
      entry.hook = max(0, elapsed - entry.at - entry.total)
    }
    entry.isDone = isDone
  }

  /// Sets the phases up to the installation of the package, from the pod's own timestamps. They never add up to more
  /// than the time since the claim.
  private func enterPhases(into entry: inout Journal.Pod, _ elapsed: Int, began: Int) {
    let pod = observed.pods[entry.pod]
    func since(_ moment: Int?, _ floor: Int) -> Int {
      min(max(floor, moment.map { $0 - began } ?? floor), max(floor, elapsed))
    }
    let replaced = since(pod?.createdAt, entry.at)
    let pulled = since(pod?.firstStartedAt, replaced)
    // Time spent waiting before another pod replaced this one belongs to the `replace` phase of the new pod.
    if let replace = entry.replace, replace != replaced - entry.at { entry.waited = nil }
    entry.replace = replaced - entry.at
    entry.pull = pulled - replaced
    entry.start = max(0, elapsed - pulled - (entry.waited ?? 0))
    entry.hook = nil
  }

  private func enterWaits(_ entry: inout Journal.Run, _ elapsed: Int) {
    let now = (waits.map(\.text) + (isSuspended ? ["suspended"] : [])).map(Journal.brief)
    for index in entry.waits.indices where entry.waits[index].took == nil {
      guard !now.contains(entry.waits[index].what) else { continue }
      entry.waits[index].took = elapsed - entry.waits[index].at
    }
    // A wait of zero seconds was only the time between two steps.
    entry.waits.removeAll { $0.took == 0 }
    for what in now where !entry.waits.contains(where: { $0.what == what && $0.took == nil }) {
      entry.waits.append(Journal.Wait(what: what, at: elapsed))
    }
  }
}

extension Journal.Pod {
  /// Counts the time since the failure as waiting, because the failed task is tried again.
  fileprivate mutating func wait(until elapsed: Int) {
    waited = (waited ?? 0) + max(0, elapsed - at - total)
  }
}

extension Journal {
  /// The index of the run in progress.
  func open(_ info: UpgradeInfo) -> Int? {
    runs.lastIndex { $0.ended == nil && $0.id == info.id && $0.isRollback == info.isRollingBack }
  }

  /// Ends every run except the one in progress.
  mutating func end(at now: Int, unlessIn info: UpgradeInfo?) {
    for index in runs.indices where runs[index].ended == nil {
      if let info, runs[index].id == info.id, runs[index].isRollback == info.isRollingBack { continue }
      runs[index].ended = max(runs[index].began, now)
      runs[index].isTurnedBack = info?.isRollingBack == true && runs[index].id == info?.id
      for wait in runs[index].waits.indices where runs[index].waits[wait].took == nil {
        runs[index].waits[wait].took = max(0, now - runs[index].began - runs[index].waits[wait].at)
      }
      runs[index].waits.removeAll { $0.took == 0 }
    }
  }
}
