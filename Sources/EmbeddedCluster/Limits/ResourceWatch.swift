import Synchronization

/// Ends commands whose processes together use too much memory, whose pod uses too much disk, or whose time is over.
///
/// The deadline is checked here even if a caller waits for it as well: a caller may stop waiting, or die with its
/// daemon, and the time limit inside the sandbox can be stopped by the script.
///
/// Checks several times a second while commands run, and not at all otherwise. A command can exceed its limits
/// between two checks. Memory is checked only if no cgroup limits it. A check reads only data that takes the same
/// time for every command. Slow measurements run on threads of their own, one for each measurement of a command, so
/// that no command delays the checks of another.
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

  private struct State {
    var commands = WatchedCommands()
    var isRunning = false
  }

  /// The processes of a command at the time of a check.
  private struct Processes: Sendable {
    let root: Int32
    let tree: ProcessTree
    let members: [Int32]

    init(below root: Int32, in tree: ProcessTree) {
      (self.root, self.tree) = (root, tree)
      members = tree.members(from: root)
    }
  }

  private let limits: SandboxLimits
  private let proc: String
  /// The time since 1970.
  private let now: @Sendable () -> Duration
  private let pool = BlockingPool(width: 1)
  private let state = Mutex(State())

  private static let interval = Duration.milliseconds(200)
  /// Used while a command uses more than half of its memory limit.
  private static let shortInterval = Duration.milliseconds(50)

  init(limits: SandboxLimits, proc: String = "/proc", now: @escaping @Sendable () -> Duration) {
    self.limits = limits
    self.proc = proc
    self.now = now
  }

  /// Watches a command that is about to start, or runs already.
  /// - Parameter baseline: the use before it started.
  func add(_ subject: Subject, _ baseline: WatchedCommands.Baseline) {
    let mustStart = state.withLock { state in
      state.commands.add(subject, baseline)
      defer { state.isRunning = true }
      return !state.isRunning
    }
    // Not a child task, because commands outlive their callers.
    if mustStart { Task.detached { await self.run() } }
  }

  /// Measures the use of disk and memory before a command starts. Blocks while the files of its pod are counted.
  /// - Parameter folders: see `CommandRecord.measured`.
  func baseline(_ folders: [String]) -> WatchedCommands.Baseline {
    WatchedCommands.Baseline(
      machine: MachineUse(folders: folders, proc: proc), disk: diskUse(of: folders).bytes)
  }

  /// Measures the use before a command starts, on a thread of its own: counting the files of a pod can take seconds.
  /// - Parameter folders: see `CommandRecord.measured`.
  func baseline(of folders: [String]) async -> WatchedCommands.Baseline {
    await withCheckedContinuation { continuation in
      BlockingPool.runAlone {
        continuation.resume(returning: self.baseline(folders))
      }
    }
  }

  /// Stops watching a command.
  /// - Returns: why it was ended; nil if it was not ended here.
  @discardableResult
  func remove(_ place: String) -> ResourceExcess? { state.withLock { $0.commands.remove(place) } }

  /// Sets the reason why a command is being ended, for the caller that waits for the command. An earlier reason
  /// stays.
  func note(_ excess: ResourceExcess, of place: String) {
    state.withLock { _ = $0.commands.exceed(place, excess) }
  }

  /// Records that a command's caller stopped waiting.
  func abandon(_ place: String) { state.withLock { $0.commands.abandon(place) } }

  private func run() async {
    while isNeeded() {
      let isNearLimit = try? await pool.run(key: "") { self.check() }
      try? await Task.sleep(for: isNearLimit == true ? Self.shortInterval : Self.interval)
    }
  }

  private func isNeeded() -> Bool {
    state.withLock { state in
      state.isRunning = !state.commands.isEmpty
      return state.isRunning
    }
  }

  // MARK: One check

  /// Checks all commands, and then starts the measurements that are due.
  /// - Returns: whether a command uses more than half of its memory limit.
  private func check() -> Bool {
    let machine = MachineUse(folders: [], proc: proc)
    var isNearLimit = false
    var tree: ProcessTree?
    var checked: [(command: WatchedCommands.Command, processes: Processes)] = []
    for command in state.withLock({ $0.commands.running }) {
      let subject = command.subject
      let wrapper: ProcessStamp?
      do {
        // Does not exist yet if the command is just starting.
        wrapper = try CommandProcess.wrapper(of: subject.place)
        if wrapper == nil, subject.caller == .inEarlierDaemon {
          removeAdopted(subject.place)
          continue
        }
      } catch {
        // The daemon has no descriptor left: the time limit counts nevertheless.
        wrapper = nil
      }
      if let deadline = subject.record.deadline, now() >= deadline.time {
        end(subject.place, .time(limit: deadline.limit))
        continue
      }
      guard let wrapper else { continue }
      let known = tree ?? ProcessTree(proc: proc)
      tree = known
      let processes = Processes(below: wrapper.process, in: known)
      // Libraries that the container's own loader loads can switch off the kernel's limit.
      if known.threads(of: processes.members) > limits.processes + Self.ownProcesses {
        end(subject.place, .processes(limit: limits.processes))
        continue
      }
      checked.append((command, processes))
      guard subject.record.cgroup == nil else { continue }
      let shared = sharedMemory(of: command, machine)
      let limit = limits.totalMemory - command.held.memory
      let used = ProcessUse(proc: proc).upperBound(
        of: processes.members, in: known, shared: max(shared.known, shared.possible ?? 0))
      if used > limit / 2 { isNearLimit = true }
      if used > limit {
        measure(.memory, subject.place) { self.memoryExcess($0, processes, shared) }
      }
    }
    for (command, processes) in checked {
      let (place, disk) = (command.subject.place, MachineUse(disksOf: command.subject.record.measured).disk)
      let isUrgent = state.withLock {
        $0.commands.isDiskUrgent(place, machineDisk: disk, limit: limits.totalDisk)
      }
      measure(.held, place) { self.heldExcess($0, processes) }
      measure(.disk, place, isUrgent: isUrgent) { self.diskExcess($0) }
    }
    return isNearLimit
  }

  /// More processes than the wrapper and the sandbox have themselves.
  private static let ownProcesses = 32

  /// Starts a measurement of a command if it is due, on a thread of its own.
  private func measure(
    _ measurement: WatchedCommands.Measurement, _ place: String, isUrgent: Bool = false,
    _ excess: @escaping @Sendable (WatchedCommands.Command) -> ResourceExcess?
  ) {
    let command = state.withLock { $0.commands.begin(measurement, of: place, at: .now, isUrgent: isUrgent) }
    guard let command else { return }
    BlockingPool.runAlone {
      if let excess = excess(command) { self.end(place, excess) }
      self.state.withLock { $0.commands.end(measurement, of: place, at: .now) }
    }
  }

  // MARK: Measurements

  /// The size in bytes of a command's shared memory, and an upper bound if some of it may not be counted.
  private struct SharedMemory: Sendable {
    var known: Int
    var possible: Int?
    var reason: HeldUse.Unknown?
  }

  /// The shared memory that counts for a command's limit. Processes can keep shared memory that the kernel does not
  /// attribute to them, such as a segment that no process has attached. The upper bound is therefore computed from the
  /// shared memory of the whole machine, if something could not be counted or the machine's memory is nearly full.
  private func sharedMemory(of command: WatchedCommands.Command, _ machine: MachineUse) -> SharedMemory {
    var shared = SharedMemory(known: command.held.shared, reason: command.held.lastingUnknown)
    if shared.reason != nil || machine.isMemoryNearlyFull {
      let others = state.withLock { $0.commands.growth(besides: command.subject.place).shared }
      shared.possible = machine.shared - command.baseline.machine.shared - others
    }
    return shared
  }

  private func memoryExcess(
    _ command: WatchedCommands.Command, _ processes: Processes, _ shared: SharedMemory
  ) -> ResourceExcess? {
    let (use, held) = (ProcessUse(proc: proc), command.held.memory)
    let limit = limits.totalMemory - held
    func used(_ processes: Processes, _ shared: Int) -> Int {
      use.memory(of: processes.members, in: processes.tree, shared: shared, limit: limit)
    }
    func measured(_ shared: Int) -> Int? {
      let first = used(processes, shared)
      guard first > limit else { return nil }
      // Measured twice: while processes start and end, shared memory may be counted several times.
      let second = min(
        first, used(Processes(below: processes.root, in: ProcessTree(proc: proc)), shared))
      return second > limit ? second : nil
    }
    if let used = measured(shared.known) { return .memory(used: used + held, limit: limits.totalMemory) }
    guard let possible = shared.possible, possible > shared.known, measured(possible) != nil else {
      return nil
    }
    return .unknownMemory(limit: limits.totalMemory, shared.reason)
  }

  private func heldExcess(_ command: WatchedCommands.Command, _ processes: Processes) -> ResourceExcess? {
    let held = HeldFiles(
      of: processes.members, in: processes.tree, folders: command.subject.record.measured, proc: proc,
      limit: limits.handles
    ).use
    state.withLock { $0.commands.record(held, of: command.subject.place) }
    return held.exceeds(handles: limits.handles) ? .handles(limit: limits.handles) : nil
  }

  private func diskExcess(_ command: WatchedCommands.Command) -> ResourceExcess? {
    let (folders, held) = (command.subject.record.measured, command.held)
    // Measured before the files are counted, because the count may miss files that are written meanwhile.
    let before = MachineUse(disksOf: folders)
    var use = diskUse(of: folders, held: held.disk)
    let (start, now) = (command.baseline, MachineUse(disksOf: folders))
    let measured = WatchedCommands.Baseline(machine: before, disk: use.bytes)
    let others = state.withLock { state in
      state.commands.record(disk: measured, of: command.subject.place)
      return state.commands.growth(besides: command.subject.place).disk
    }
    // Folders may be moved while they are counted, and processes can keep files that the kernel does not show, such
    // as in a system call in progress. That matters when it fills the disk.
    if held.lastingUnknown != nil || now.isNearlyFull || use.isIncomplete {
      let unknown = now.disk - start.machine.disk - (use.bytes - start.disk) - others
      use.addUnknown(unknown, held.lastingUnknown)
    }
    return use.excess
  }

  /// How often folders are counted again if they were moved meanwhile.
  private static let attempts = 3

  /// - Parameter held: the size of deleted files, which no folder shows.
  private func diskUse(of folders: [String], held: Int = 0) -> DiskUse {
    func counted() -> DiskUse {
      var use = DiskUse(limit: limits.totalDisk, depth: limits.folderDepth, bytes: held)
      for folder in folders { use.add(folder) }
      return use
    }
    var use = counted()
    for _ in 1..<Self.attempts where use.isIncomplete { use = counted() }
    return use
  }

  private func end(_ place: String, _ excess: ResourceExcess) {
    // Recorded first, because the waiting caller learns of the command's end at once.
    guard let subject = state.withLock({ $0.commands.exceed(place, excess) }) else { return }
    if subject.caller != .waiting { RunFolder.note(excess, of: place) }
    // Ending a process with much memory takes long; the other commands are checked in the meantime.
    RunFolder.endAlone(command: place) {
      if subject.caller == .inEarlierDaemon { self.remove(place) }
    }
  }

  /// Stops watching a command of an earlier daemon whose wrapper is gone.
  private func removeAdopted(_ place: String) {
    remove(place)
    // If the wrapper was killed, the sandbox may still run.
    guard BubblewrapStatus(file: "\(place)/status").exitCode == nil, SafeFolder.kind(place) != nil else {
      return
    }
    RunFolder.endAlone(command: place) {}
  }
}
