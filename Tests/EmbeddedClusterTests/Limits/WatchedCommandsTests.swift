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
}
