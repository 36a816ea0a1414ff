import KubeDirector

// The journal, kept from what this step has seen and decided. It rides along with what is written anyway: a step
// that changes nothing else leaves it as it is, so that it costs no write of its own; and as it is written together
// with what it tells of, a daemon that is killed in between neither loses nor repeats a line.
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

  /// A run that begins; or one whose beginning was lost, with the pods that are in the middle of it.
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
    for case .tell(let happening) in actions {
      switch happening {
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
      // A later turn of the same pod has taken an earlier one's place.
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
      // A pod that was done failed in what comes after its turn.
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
      let trouble = Trouble.of(member, in: role, of: status, now: observed.now, deadline: deadline)
    {
      entry.trouble = Journal.brief(String(trouble.message.dropFirst(member.pod.count + 2)))
    }
    let old = observed.status?.members.first { $0.pod == member.pod }?.upgrade
    // Where this step ends the run, the ledger is gone already.
    let ledger = member.upgrade ?? old
    let container = ledger?.containerID
    // A package that could not be installed ends the phase as well as one that was.
    let isInstalled = container != nil && container != old?.containerID
    if isInstalled || ((isDone || hasFailed) && entry.start == nil) || (hasFailed && container == nil) {
      enterPhases(into: &entry, elapsed, began: began)
    } else if ledger?.script != nil, isDone || hasFailed {
      entry.hook = nil
      entry.hook = max(0, elapsed - entry.at - entry.total)
    }
    entry.isDone = isDone
  }

  /// The phases up to the package that has just been put in: what the pod tells of its own past, and never more than
  /// has gone by since the claim.
  private func enterPhases(into entry: inout Journal.Pod, _ elapsed: Int, began: Int) {
    let pod = observed.pods[entry.pod]
    func since(_ moment: Int?, _ floor: Int) -> Int {
      min(max(floor, moment.map { $0 - began } ?? floor), max(floor, elapsed))
    }
    let replaced = since(pod?.createdAt, entry.at)
    let pulled = since(pod?.firstStartedAt, replaced)
    // What was waited for before another pod took the place of this one is part of that one's coming.
    if let replace = entry.replace, replace != replaced - entry.at { entry.waited = nil }
    entry.replace = replaced - entry.at
    entry.pull = pulled - replaced
    entry.start = max(0, elapsed - pulled - (entry.waited ?? 0))
    entry.hook = nil
  }

  private func enterWaits(_ entry: inout Journal.Run, _ elapsed: Int) {
    let now = (waits + (isSuspended ? ["suspended"] : [])).map(Journal.brief)
    for index in entry.waits.indices where entry.waits[index].took == nil {
      guard !now.contains(entry.waits[index].what) else { continue }
      entry.waits[index].took = elapsed - entry.waits[index].at
    }
    // What has lasted no second was the time between two looks.
    entry.waits.removeAll { $0.took == 0 }
    for what in now where !entry.waits.contains(where: { $0.what == what && $0.took == nil }) {
      entry.waits.append(Journal.Wait(what: what, at: elapsed))
    }
  }
}

extension Journal.Pod {
  /// What had failed is tried again: the time since then was a wait.
  fileprivate mutating func wait(until elapsed: Int) {
    waited = (waited ?? 0) + max(0, elapsed - at - total)
  }
}

extension Journal {
  /// Where the run stands that goes on now.
  func open(_ info: UpgradeInfo) -> Int? {
    runs.lastIndex { $0.ended == nil && $0.id == info.id && $0.isRollback == info.isRollingBack }
  }

  /// Ends every run but the one that goes on.
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
