import ClusterAPI
import EmbeddedCluster
import KubeDirector
import Logging
import Synchronization
import TestSupport
import Testing
import Upgrade
import Values

@testable import Controller

@Suite("Commands that fail")
struct CommandFailureTests {
  private func attempts(_ count: Int, notStarted: Int = 0) -> CommandAttempts {
    CommandAttempts(total: count, notStarted: notStarted)
  }

  @Test("reports a temporary failure only if it persists, and then periodically")
  func reported() {
    #expect((1...20).filter { CommandFailure.passing.isReported(after: attempts($0)) } == [5, 10, 15, 20])
  }

  @Test("reports a missing permission at once")
  func refused() {
    #expect((1...10).filter { CommandFailure.refused.isReported(after: attempts($0)) } == [1, 5, 10])
  }

  @Test("shows a command in the status that has not started for some seconds, or needs a permission")
  func lasting() {
    #expect(
      (1...6).filter { CommandFailure.notStarted.isLasting(after: attempts($0, notStarted: $0)) } == [5, 6])
    #expect(CommandFailure.refused.isLasting(after: attempts(1)))
    #expect(!CommandFailure.passing.isLasting(after: attempts(100)))
  }

  @Test("shows in the status why a command has not started, only while it is retried")
  func shown() async throws {
    let (waiting, count) = try await Self.setUp(failures: CommandFailure.startAttempts - 1) { member in
      member.detail.waitingReason != nil || member.state == .configured
    }
    #expect(waiting.detail.waitingReason == "CommandNotStarted")
    #expect(waiting.detail.waitingMessage == "no sandbox")
    #expect(waiting.detail.configError == nil)
    #expect(count < CommandFailure.startAttempts)
    let (configured, _) = try await Self.setUp(failures: CommandFailure.startAttempts - 1)
    #expect(configured.detail.waitingReason == nil)
  }

  @Test("retries after 1 second, later with pauses of up to 10 seconds")
  func waits() {
    let waits = (1...10).map { CommandFailure.passing.wait(after: attempts($0)) }
    #expect(waits == [1, 1, 1, 1, 1, 2, 4, 8, 10, 10].map { .seconds($0) })
    #expect(CommandFailure.refused.wait(after: attempts(1)) == .seconds(5))
    #expect(CommandFailure.passing.wait(after: attempts(10_000)) == .seconds(10))
  }

  @Test(
    "retries a command that cannot start for two minutes only, without counting other failures")
  func starts() {
    let waits = (1...19).compactMap { CommandFailure.notStarted.wait(after: attempts($0, notStarted: $0)) }
    #expect(waits.reduce(.zero, +) == .seconds(129))
    #expect(CommandFailure.notStarted.wait(after: attempts(20, notStarted: 20)) == nil)
    #expect(CommandFailure.notStarted.wait(after: attempts(50, notStarted: 1)) == .seconds(1))
  }

  @Test(
    "maps each API error to a kind of failure",
    arguments: [
      (APIError.Kind.notStarted, CommandFailure.notStarted), (.invalid, .notStarted), (.other, .notStarted),
      (.timeout, .ended), (.limitExceeded, .ended), (.unavailable, .passing), (.notRunning, .passing),
      (.forbidden, .refused),
    ])
  func kinds(kind: APIError.Kind, failure: CommandFailure) {
    #expect(CommandFailure(APIError(kind, "x")) == failure)
  }

  @Test("leaves no error if a command starts at the last attempt")
  func startsAtLast() async throws {
    let (member, count) = try await Self.setUp(failures: CommandFailure.startAttempts - 1)
    #expect(member.state == .configured)
    #expect(member.detail.configError == nil)
    // The commands after the installation start at once.
    #expect(count >= CommandFailure.startAttempts)
  }

  @Test("fails with the number of attempts if a command never starts")
  func neverStarts() async throws {
    let (member, count) = try await Self.setUp(failures: .max)
    #expect(member.state == .configError)
    #expect(
      member.detail.configError
        == "config package could not be installed (no sandbox; tried \(CommandFailure.startAttempts) times)")
    #expect(count == CommandFailure.startAttempts)
  }

  /// Has an engine set up a cluster with one member whose first commands cannot be started.
  ///
  /// - Parameter failures: The number of commands that cannot be started.
  /// - Returns: The member once it is set up or has failed, and the number of commands requested until then.
  private static func setUp(
    failures: Int,
    until isDone: @escaping @Sendable (MemberStatus) -> Bool = {
      $0.state == .configured || $0.state == .configError
    }
  ) async throws -> (MemberStatus, Int) {
    let result = Mutex<(MemberStatus, Int)?>(nil)
    try await EmbeddedEngine.with { cache in
      let port = UnstartableCommands(cache.api, failures: failures)
      let clock = TestClock()
      let engine = Engine(
        api: port, stamp: .forTests, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
        clock: clock, now: { 1_800_000_000 })
      let name = try await makeCluster(cache.api)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await engine.run() }
        while true {
          let status = ClusterStatus(try await cache.api.get(.clusters, name).json["status"])
          if let member = status?.members.first, isDone(member) {
            result.withLock { $0 = (member, port.count) }
            break
          }
          clock.advance(by: .seconds(1))
          await Task.yield()
        }
        group.cancelAll()
      }
    }
    return try #require(result.withLock { $0 })
  }

  static func makeCluster(_ api: EmbeddedCluster) async throws -> ObjectName {
    let package: JSON = ["packageURL": "file:///opt/appconfig.tgz"]
    let app: JSON = [
      "label": ["name": "app"], "distroID": "packed", "version": "1.0", "configSchemaVersion": 8,
      "roles": [
        ["id": "worker", "cardinality": "1+", "imageRepoTag": "worker:1.0", "configPackage": package]
      ],
      "config": ["selectedRoles": ["worker"], "roleServices": [], "configMeta": [:]],
    ]
    let limits: JSON = ["limits": ["memory": "1Gi", "cpu": "1"]]
    let cluster: JSON = [
      "app": "packed-1.0", "roles": [["id": "worker", "members": 1, "resources": limits]],
    ]
    var name = EmbeddedEngine.name
    for (resource, object, spec) in [(Resource.apps, "packed-1.0", app), (.clusters, "packed", cluster)] {
      var made = Object(resource, namespace: name.namespace, name: object, content: ["spec": spec])
      made.json = Stamp.forTests.on(made.json)
      name = try await api.create(made).objectName
    }
    return name
  }
}

/// A port at which a given number of commands cannot be started; later ones succeed.
private final class UnstartableCommands: ForwardingAPI, @unchecked Sendable {
  private let failures: Int
  private let asked = Mutex(0)

  init(_ api: EmbeddedCluster, failures: Int) {
    self.failures = failures
    super.init(api)
  }

  var count: Int { asked.withLock { $0 } }

  override func exec(_ pod: ObjectName, _ request: ExecRequest) async throws(APIError) -> ExecResult {
    let count = asked.withLock { asked in
      asked += 1
      return asked
    }
    if count <= failures { throw APIError(.notStarted, "no sandbox") }
    return ExecResult(exitCode: 0)
  }
}
