import FoundationEssentials
import Synchronization

/// Ends commands whose processes together use too much memory, whose pod uses too much disk, or whose time is over.
///
/// The deadline is checked here even if a caller waits for it as well: a caller may stop waiting, or die with its
/// daemon, and the time limit inside the sandbox can be stopped by the script.
///
/// Checks several times a second while commands run, and not at all otherwise. A command can exceed its limits
/// between two checks. Memory is checked only if no cgroup limits it.
final class ResourceWatch: Sendable {
  /// One running command.
  struct Subject: Sendable {
    /// The command's folder.
    var place: String
    var record: CommandRecord
    var caller: Caller
  }

  /// Whether the caller that started a command awaits its end. If not, a repeated request reports it.
  enum Caller: Sendable {
    case waiting
    case stoppedWaiting
    /// The command was started by an earlier daemon.
    case inEarlierDaemon
  }

  private struct Entry {
    var subject: Subject
    var nextDiskLook: ContinuousClock.Instant?
    /// The machine's use at the command's start, and the disk use of its folders at the first check.
    var start: MachineUse
    var firstDiskUse: Int?
    var held = HeldUse()
    var nextHeldLook: ContinuousClock.Instant?
    var excess: ResourceExcess?
  }

  private struct State {
    var entries: [String: Entry] = [:]
    var isRunning = false
    var isNearLimit = false
  }

  private let limits: SandboxLimits
  private let proc: String
  /// The time since 1970.
  private let now: @Sendable () -> Duration
  private let pool = BlockingPool(width: 1)
  /// Ending a process with much memory takes long; the other commands are checked in the meantime.
  private let endings = BlockingPool(width: 4)
  private let state = Mutex(State())

  private static let interval = Duration.milliseconds(200)
  /// Used while a command uses more than half of its memory limit.
  private static let shortInterval = Duration.milliseconds(50)
  private static let diskInterval = Duration.seconds(1)
  private static let heldInterval = Duration.milliseconds(500)

  init(limits: SandboxLimits, proc: String = "/proc", now: @escaping @Sendable () -> Duration) {
    self.limits = limits
    self.proc = proc
    self.now = now
  }

  func add(_ subject: Subject) {
    let start = MachineUse(folders: subject.record.measured, proc: proc)
    let mustStart = state.withLock { state in
      state.entries[subject.place] = Entry(subject: subject, start: start)
      defer { state.isRunning = true }
      return !state.isRunning
    }
    // Not a child task, because commands outlive their callers.
    if mustStart { Task.detached { await self.run() } }
  }

  /// Stops watching a command.
  /// - Returns: why it was ended; nil if it was not ended here.
  @discardableResult
  func remove(_ place: String) -> ResourceExcess? {
    state.withLock { $0.entries.removeValue(forKey: place)?.excess }
  }

  /// Sets why a command is being ended, for the caller that waits for it. An earlier reason stays.
  func note(_ excess: ResourceExcess, of place: String) {
    state.withLock { state in
      guard state.entries[place]?.excess == nil else { return }
      state.entries[place]?.excess = excess
    }
  }

  /// Records that a command's caller stopped waiting.
  func abandon(_ place: String) { state.withLock { $0.entries[place]?.subject.caller = .stoppedWaiting } }

  private func run() async {
    while isNeeded() {
      try? await pool.run(key: "") { self.look() }
      let isNear = state.withLock { $0.isNearLimit }
      try? await Task.sleep(for: isNear ? Self.shortInterval : Self.interval)
    }
  }

  private func isNeeded() -> Bool {
    state.withLock { state in
      state.isRunning = !state.entries.isEmpty
      return state.isRunning
    }
  }

  // MARK: One check

  private func look() {
    let entries = state.withLock { state in
      state.isNearLimit = false
      return state.entries.values.filter { $0.excess == nil }
    }
    var tree: ProcessTree?
    for entry in entries {
      let subject = entry.subject
      // Does not exist yet if the command is just starting.
      let wrapper = CommandProcess.wrapper(of: subject.place)?.stamp
      if wrapper == nil, subject.caller == .inEarlierDaemon {
        remove(subject.place)
        continue
      }
      if let deadline = subject.record.deadline, now() >= deadline.time {
        end(subject, .time(limit: deadline.limit))
        continue
      }
      guard let wrapper else { continue }
      let known = tree ?? ProcessTree(proc: proc)
      tree = known
      let held = held(entry, wrapper, known)
      guard
        let excess = processExcess(wrapper, known) ?? memoryExcess(entry, held, wrapper, known)
          ?? diskExcess(entry, held)
      else { continue }
      end(subject, excess)
    }
  }

  /// The kernel's limit can be switched off by what the container's own loader loads.
  private func processExcess(_ wrapper: ProcessStamp, _ tree: ProcessTree) -> ResourceExcess? {
    let limit = limits.processes
    return tree.threads(of: tree.members(from: wrapper.process)) > limit + Self.ownProcesses
      ? .processes(limit: limit) : nil
  }

  /// More processes than the wrapper and the sandbox have themselves.
  private static let ownProcesses = 32

  private func memoryExcess(
    _ entry: Entry, _ held: HeldUse, _ wrapper: ProcessStamp, _ tree: ProcessTree
  ) -> ResourceExcess? {
    guard entry.subject.record.cgroup == nil else { return nil }
    let (use, limit) = (ProcessUse(proc: proc), limits.totalMemory - held.memory)
    var used = use.memory(
      of: tree.members(from: wrapper.process), in: tree, shared: held.shared, limit: limit)
    if used > limit / 2 { state.withLock { $0.isNearLimit = true } }
    guard used > limit else { return nil }
    // Measured twice: while processes start and end, shared memory may be counted several times.
    let again = ProcessTree(proc: proc)
    let members = again.members(from: wrapper.process)
    used = min(used, use.memory(of: members, in: again, shared: held.shared, limit: limit))
    return used > limit ? .memory(used: used + held.memory, limit: limits.totalMemory) : nil
  }

  private static let longestPause = Duration.seconds(5)
  /// The number of looks after which a file in flight is not one that is about to arrive.
  private static let lastingLooks = 3

  /// Returns what the command's processes hold besides their own memory and the files in their folders.
  private func held(_ entry: Entry, _ wrapper: ProcessStamp, _ tree: ProcessTree) -> HeldUse {
    let began = ContinuousClock.now
    if let next = entry.nextHeldLook, began < next { return entry.held }
    let (members, folders) = (tree.members(from: wrapper.process), entry.subject.record.measured)
    var held = HeldFiles(of: members, in: tree, folders: folders, proc: proc).use
    if held.hasUnreceived { held.unreceivedLooks = entry.held.unreceivedLooks + 1 }
    if held.hasUnreadable {
      let now = MachineUse(folders: [], proc: proc)
      held.shared = max(held.shared, now.shared - entry.start.shared)
    }
    let pause = min(max(Self.heldInterval, (ContinuousClock.now - began) * 10), Self.longestPause)
    state.withLock { state in
      state.entries[entry.subject.place]?.nextHeldLook = .now + pause
      state.entries[entry.subject.place]?.held = held
    }
    return held
  }

  private func diskExcess(_ entry: Entry, _ held: HeldUse) -> ResourceExcess? {
    let began = ContinuousClock.now
    if let next = entry.nextDiskLook, began < next { return nil }
    var use = DiskUse(limit: limits.totalDisk, depth: limits.folderDepth, bytes: held.disk)
    for folder in entry.subject.record.measured { use.add(folder) }
    let firstDiskUse = entry.firstDiskUse ?? use.bytes
    let now = MachineUse(folders: entry.subject.record.measured, proc: proc)
    // There are more ways to keep a file, such as a system call that is under way, than the kernel shows. They matter
    // when they fill the disk.
    if held.unreceivedLooks >= Self.lastingLooks || held.hasUnreadable || now.isNearlyFull {
      use.addUnknown(now.disk - entry.start.disk - (use.bytes - firstDiskUse))
    }
    // Counting many files takes long: a tenth of the time is spent on it, more only if the pause would be too long.
    let pause = min(max(Self.diskInterval, (ContinuousClock.now - began) * 10), Self.longestPause)
    state.withLock { state in
      state.entries[entry.subject.place]?.nextDiskLook = .now + pause
      state.entries[entry.subject.place]?.firstDiskUse = firstDiskUse
    }
    return use.excess
  }

  private func end(_ subject: Subject, _ excess: ResourceExcess) {
    // Recorded first, because the waiting caller learns of the command's end at once.
    state.withLock { $0.entries[subject.place]?.excess = excess }
    if subject.caller != .waiting { RunFolder.note(excess, of: subject.place) }
    Task.detached {
      try? await self.endings.run(key: subject.place) { RunFolder.end(command: subject.place) }
      if subject.caller == .inEarlierDaemon { self.remove(subject.place) }
    }
  }
}
