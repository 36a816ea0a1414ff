import Testing

@testable import EmbeddedCluster

@Suite("Watched commands")
struct WatchedCommandsTests {
  private let start = ContinuousClock.now

  private func commands(_ places: String...) -> WatchedCommands {
    var commands = WatchedCommands()
    for place in places {
      let subject = ResourceWatch.Subject(place: place, record: CommandRecord(), caller: .waiting)
      commands.add(subject, WatchedCommands.Baseline())
    }
    return commands
  }

  @Test("are measured once at a time, each independently of the others and of its other measurements")
  func turns() {
    var commands = commands("a", "b")
    #expect(commands.begin(.held, of: "a", at: start) != nil)
    #expect(commands.begin(.held, of: "a", at: start + .seconds(100)) == nil, "in progress")
    #expect(commands.begin(.disk, of: "a", at: start) != nil)
    #expect(commands.begin(.held, of: "b", at: start) != nil)
    #expect(commands.begin(.held, of: "c", at: start) == nil, "does not exist")
  }

  @Test("pause ten times as long as the measurement took, within limits")
  func pauses() {
    var commands = commands("a")
    #expect(commands.begin(.held, of: "a", at: start) != nil)
    let end = start + .milliseconds(100)
    commands.end(.held, of: "a", at: end)
    #expect(commands.begin(.held, of: "a", at: end + .milliseconds(999)) == nil)
    #expect(commands.begin(.held, of: "a", at: end + .seconds(1)) != nil)
    #expect(WatchedCommands.Measurement.held.pause(after: .milliseconds(1)) == .milliseconds(500))
    #expect(WatchedCommands.Measurement.held.pause(after: .milliseconds(200)) == .seconds(2))
    #expect(WatchedCommands.Measurement.held.pause(after: .seconds(7)) == .seconds(5))
    #expect(WatchedCommands.Measurement.disk.pause(after: .zero) == .seconds(1))
    #expect(WatchedCommands.Measurement.memory.pause(after: .milliseconds(30)) == .milliseconds(30))
  }

  @Test("keep the first reason for their end, and are not measured after it")
  func firstReason() {
    var commands = commands("a", "b")
    commands.abandon("a")
    #expect(commands.exceed("a", .processes(limit: 1))?.caller == .stoppedWaiting)
    #expect(commands.exceed("a", .disk(limit: 1)) == nil)
    #expect(commands.running.map(\.subject.place) == ["b"])
    #expect(commands.begin(.memory, of: "a", at: start) == nil)
    #expect(commands.remove("a") == .processes(limit: 1))
    #expect(commands.exceed("a", .disk(limit: 1)) == nil)
    #expect(commands.remove("b") == nil)
    #expect(commands.isEmpty)
  }

  @Test("count how many measurements in a row found unreceived descriptors")
  func unreceived() {
    var commands = commands("a")
    var held = HeldUse()
    held.add(.unreceived)
    for expected in [nil, nil, HeldUse.Unknown.unreceived] {
      commands.record(held, of: "a")
      #expect(commands.running.first?.held.lastingUnknown == expected)
    }
    commands.record(HeldUse(), of: "a")
    commands.record(held, of: "a")
    #expect(commands.running.first?.held.lastingUnknown == nil)
  }

  @Test("give measurements that end late to no later command")
  func endedMeanwhile() {
    var commands = commands("a")
    #expect(commands.begin(.held, of: "a", at: start) != nil)
    #expect(commands.remove("a") == nil)
    commands.record(HeldUse(), of: "a")
    commands.end(.held, of: "a", at: start)
    #expect(commands.isEmpty)
  }

  private func subject(_ place: String, _ folders: [String]) -> ResourceWatch.Subject {
    ResourceWatch.Subject(place: place, record: CommandRecord(measured: folders), caller: .waiting)
  }

  @Test("count the growth of other commands since a command's start, and shared folders once")
  func growth() {
    var commands = WatchedCommands()
    func record(_ disk: Int, _ place: String) { commands.record(disk: .init(disk: disk), of: place) }
    commands.add(subject("before", ["x"]), .init(disk: 10))
    record(50, "before")
    commands.add(subject("own", ["a"]), .init(disk: 5))
    #expect(commands.growth(besides: "own") == .init())
    record(70, "before")
    commands.add(subject("same pod", ["a"]), .init(disk: 5))
    record(1_000, "same pod")
    commands.add(subject("later", ["b", "v"]), .init(disk: 3))
    commands.add(subject("with a volume of it", ["c", "v"]), .init(disk: 3))
    record(103, "later")
    record(93, "with a volume of it")
    #expect(commands.growth(besides: "own").disk == 20 + 100)
    record(0, "before")
    #expect(commands.growth(besides: "own").disk == 100)
    #expect(commands.remove("later") == nil)
    #expect(commands.growth(besides: "own").disk == 90)
    var held = HeldUse()
    held.shared = 8
    commands.record(held, of: "before")
    commands.record(held, of: "own")
    #expect(commands.growth(besides: "own").shared == 8)
  }

  @Test("have their disk measured soon if more was written than they may still use")
  func urgent() {
    var commands = WatchedCommands()
    commands.add(subject("a", ["x"]), .init(disk: 40))
    #expect(!commands.isDiskUrgent("a", machineDisk: 60, limit: 100))
    #expect(commands.isDiskUrgent("a", machineDisk: 61, limit: 100))
    #expect(commands.begin(.disk, of: "a", at: start) != nil)
    #expect(commands.begin(.disk, of: "a", at: start, isUrgent: true) == nil, "in progress")
    let end = start + .milliseconds(30)
    commands.end(.disk, of: "a", at: end)
    commands.record(disk: .init(disk: 30), of: "a")
    #expect(!commands.isDiskUrgent("a", machineDisk: 70, limit: 100))
    #expect(commands.begin(.disk, of: "a", at: end + .milliseconds(30)) == nil)
    #expect(
      commands.begin(.disk, of: "a", at: end + .milliseconds(29), isUrgent: true) == nil,
      "half of the time at most")
    #expect(commands.begin(.disk, of: "a", at: end + .milliseconds(30), isUrgent: true) != nil)
  }
}
