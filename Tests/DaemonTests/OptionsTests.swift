import GitStore
import Testing

@testable import Daemon

@Suite("Engine options from the daemon's configuration")
struct OptionsTests {
  @Test(
    "a limit that is no whole number of seconds is rounded up, and never becomes none",
    arguments: [(500, 1), (1000, 1), (1500, 2), (600_000, 600)])
  func limits(_ milliseconds: Int, _ seconds: Int) throws {
    var options = Daemon.Options(remote: try Remote(GitURL("/srv/fleet.git")), folder: "/tmp/none")
    options.scriptTimeout = .milliseconds(milliseconds)
    options.progressDeadline = .milliseconds(milliseconds)
    #expect(options.engineSettings.scriptTimeout == seconds)
    #expect(options.engineSettings.progressDeadline == seconds)
  }

  @Test("0s stays none")
  func none() throws {
    var options = Daemon.Options(remote: try Remote(GitURL("/srv/fleet.git")), folder: "/tmp/none")
    options.scriptTimeout = .zero
    #expect(options.engineSettings.scriptTimeout == 0)
    #expect(options.engineSettings.progressDeadline == nil)
  }
}
