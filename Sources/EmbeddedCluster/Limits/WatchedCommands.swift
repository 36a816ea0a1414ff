/// The commands that run, the last measurements of each, and when each measurement is due again.
///
/// Times are passed in. Measuring a command takes as long as the command has much to measure, so each measurement
/// has a turn of its own: none delays another, of the same or of another command.
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

  struct Command: Sendable {
    fileprivate(set) var subject: ResourceWatch.Subject
    let baseline: Baseline
    /// The last measurement.
    fileprivate(set) var held = HeldUse()
  }

  /// Can transition to: `running` when it is due, and back.
  private enum Turn {
    case due(Instant?)
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
    entries[subject.place] = Entry(command: Command(subject: subject, baseline: baseline))
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
  /// - Returns: the command as it is known now; nil if the measurement is not due, or is in progress.
  mutating func begin(_ measurement: Measurement, of place: String, at now: Instant) -> Command? {
    guard let entry = entries[place], entry.excess == nil else { return nil }
    switch entry.turns[measurement] ?? .due(nil) {
    case .running: return nil
    case .due(let time?) where now < time: return nil
    case .due: entries[place]?.turns[measurement] = .running(since: now)
    }
    return entry.command
  }

  /// Ends a measurement.
  mutating func end(_ measurement: Measurement, of place: String, at now: Instant) {
    guard case .running(let start) = entries[place]?.turns[measurement] else { return }
    entries[place]?.turns[measurement] = .due(now + measurement.pause(after: now - start))
  }

  /// Records what a command's processes hold.
  mutating func record(_ held: HeldUse, of place: String) {
    guard let previous = entries[place]?.command.held else { return }
    var held = held
    held.follow(previous)
    entries[place]?.command.held = held
  }
}
