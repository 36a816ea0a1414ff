/// The commands that run, the last measurements of each, and when each measurement is due again.
///
/// Times are passed in. A measurement can take seconds if a command has many files or processes, so each measurement
/// of a command has its own schedule and delays no other.
struct WatchedCommands: Sendable {
  typealias Instant = ContinuousClock.Instant

  /// A measurement that can take seconds.
  enum Measurement: Sendable, Hashable, CaseIterable {
    /// Files, shared memory and sockets that no folder shows.
    case held
    /// The files in the folders of the command's pod.
    case disk
    /// Each process's share of memory, which is measured only if the sum of all memory is above the limit.
    case memory

    private static let longestPause = Duration.seconds(5)

    /// The pause after a measurement, so that it takes a tenth of the time at most, unless the pause becomes too
    /// long. Measuring the share of memory is urgent.
    func pause(after time: Duration) -> Duration {
      switch self {
      case .held: min(max(.milliseconds(500), time * 10), Self.longestPause)
      case .disk: min(max(.seconds(1), time * 10), Self.longestPause)
      case .memory: min(time, Self.longestPause)
      }
    }
  }

  /// The use of disk and memory when a command started.
  struct Baseline: Sendable, Hashable {
    var machine = MachineUse.none
    /// The files in the folders of the command's pod, in bytes.
    var disk = 0
  }

  /// The known use of a command, in bytes.
  struct Known: Sendable, Hashable {
    var disk = 0
    var shared = 0
  }

  struct Command: Sendable {
    fileprivate(set) var subject: ResourceWatch.Subject
    let baseline: Baseline
    /// The last measurement.
    fileprivate(set) var held = HeldUse()
    /// The last measurement of the disk, or the use at the start.
    fileprivate var last: Baseline
    /// The known use of the other commands when this one started, by their folders.
    fileprivate var others: [String: Known]

    fileprivate init(_ subject: ResourceWatch.Subject, _ baseline: Baseline, others: [String: Known]) {
      (self.subject, self.baseline, self.others) = (subject, baseline, others)
      last = baseline
    }

    fileprivate var known: Known { Known(disk: last.disk, shared: held.shared) }
  }

  /// Can transition to: `running` when it is due, and back.
  private enum Turn {
    /// - Parameter urgent: when it is due if it is urgent.
    case due(Instant, urgent: Instant)
    case running(since: Instant)
  }

  private struct Entry {
    var command: Command
    var turns: [Measurement: Turn] = [:]
    /// Why the command is being ended.
    var excess: ResourceExcess?
  }

  private var entries: [String: Entry] = [:]

  var isEmpty: Bool { entries.isEmpty }

  /// The commands that are not being ended.
  var running: [Command] { entries.values.filter { $0.excess == nil }.map(\.command) }

  mutating func add(_ subject: ResourceWatch.Subject, _ baseline: Baseline) {
    let others = entries.mapValues { $0.command.known }
    entries[subject.place] = Entry(command: Command(subject, baseline, others: others))
  }

  /// Removes a command that has ended.
  /// - Returns: why it was ended; nil if it was not ended here.
  mutating func remove(_ place: String) -> ResourceExcess? { entries.removeValue(forKey: place)?.excess }

  /// Records that a command's caller stopped waiting.
  mutating func abandon(_ place: String) { entries[place]?.command.subject.caller = .stoppedWaiting }

  /// Records why a command is being ended. An earlier reason stays.
  /// - Returns: the command; nil if it is being ended already, or has ended.
  mutating func exceed(_ place: String, _ excess: ResourceExcess) -> ResourceWatch.Subject? {
    guard let entry = entries[place], entry.excess == nil else { return nil }
    entries[place]?.excess = excess
    return entry.command.subject
  }

  // MARK: Measurements

  /// Begins a measurement.
  /// - Parameter isUrgent: whether it begins after a shorter pause. It then takes half of the time at most.
  /// - Returns: the command as it is known now; nil if the measurement is not due, or is in progress.
  mutating func begin(
    _ measurement: Measurement, of place: String, at now: Instant, isUrgent: Bool = false
  ) -> Command? {
    guard let entry = entries[place], entry.excess == nil else { return nil }
    switch entry.turns[measurement] {
    case .running: return nil
    case .due(let time, let urgent) where now < (isUrgent ? urgent : time): return nil
    case .due, nil: entries[place]?.turns[measurement] = .running(since: now)
    }
    return entry.command
  }

  /// Ends a measurement.
  mutating func end(_ measurement: Measurement, of place: String, at now: Instant) {
    guard case .running(let start) = entries[place]?.turns[measurement] else { return }
    let time = now - start
    entries[place]?.turns[measurement] = .due(now + measurement.pause(after: time), urgent: now + time)
  }

  /// Records the use of disk: of the command's pod, and of the machine.
  mutating func record(disk use: Baseline, of place: String) { entries[place]?.command.last = use }

  /// Whether a command may have exceeded its disk limit since the last measurement, judged by the growth of its pod's
  /// file systems.
  func isDiskUrgent(_ place: String, machineDisk: Int, limit: Int) -> Bool {
    guard let last = entries[place]?.command.last else { return false }
    return machineDisk - last.machine.disk > max(0, limit - last.disk)
  }

  /// Returns by how much the known use of all other commands has grown since a command started. Files that several
  /// commands share, or that this command's pod has too, count once.
  func growth(besides place: String) -> Known {
    guard let own = entries[place]?.command else { return Known() }
    var growth = Known()
    var disks: [(folders: Set<String>, bytes: Int)] = []
    for (other, entry) in entries where other != place {
      let (now, command) = (entry.command.known, entry.command)
      let start = own.others[other] ?? Known(disk: command.baseline.disk)
      growth.shared += max(0, now.shared - start.shared)
      disks.append((Set(command.subject.record.measured), now.disk - start.disk))
    }
    var counted = Set(own.subject.record.measured)
    for disk in disks.sorted(by: { $0.bytes > $1.bytes }) where disk.bytes > 0 {
      guard disk.folders.isDisjoint(with: counted) else { continue }
      counted.formUnion(disk.folders)
      growth.disk += disk.bytes
    }
    return growth
  }

  /// Records the memory and disk space that a command's processes use and that no folder shows.
  mutating func record(_ held: HeldUse, of place: String) {
    guard let previous = entries[place]?.command.held else { return }
    var held = held
    held.follow(previous)
    entries[place]?.command.held = held
  }
}
