import ClusterAPI
import EmbeddedCluster
import KubeDirector
import Logging
import Synchronization
import TestSupport
import Testing
import Values

@testable import Controller

@Suite("Containers without a mark", .timeLimit(.minutes(10)))
struct AdoptedContainerTests {
  @Test("of an adopted cluster are marked after the first refused script, others after several")
  func marked() async throws {
    let adopted = try await Self.requests(isAdopted: true)
    #expect(adopted == ["run", "mark", "run"])
    let others = try await Self.requests(isAdopted: false)
    #expect(others.count > 5 && others.suffix(2) == ["mark", "run"])
  }

  /// The commands after the installation until the member is configured.
  private static func requests(isAdopted: Bool) async throws -> [String] {
    let result = Mutex<[String]>([])
    try await EmbeddedEngine.with { cache in
      let port = UnmarkedContainers(cache.api)
      let clock = TestClock()
      let engine = Engine(
        api: port, stamp: .forTests, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
        clock: clock, now: { 1_800_000_000 })
      let name = try await CommandFailureTests.makeCluster(cache.api)
      if isAdopted {
        var cluster = try await cache.api.get(.clusters, name)
        cluster.json["status"] =
          ClusterStatus(
            state: .creating, app: "packed-1.0",
            adopted: AdoptedCluster(headlessService: name.name, app: "packed-1.0")
          ).json
        _ = try await cache.api.updateStatus(cluster)
      }
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await engine.run() }
        while true {
          let status = ClusterStatus(try await cache.api.get(.clusters, name).json["status"])
          if status?.members.first?.state == .configured { break }
          clock.advance(by: .seconds(1))
          await Task.yield()
        }
        group.cancelAll()
      }
      result.withLock { $0 = port.requests }
    }
    return result.withLock { $0 }
  }
}

/// Refuses scripts in each container until the container is marked, as `run` does.
private final class UnmarkedContainers: ForwardingAPI, @unchecked Sendable {
  private let made = Mutex<[String]>([])

  init(_ api: EmbeddedCluster) { super.init(api) }

  var requests: [String] { made.withLock { $0 } }

  override func exec(_ pod: ObjectName, _ request: ExecRequest) async throws(APIError) -> ExecResult {
    let isScript = request.command.contains(PodScripts.run)
    let isMark = request.command.contains("mark")
    guard isScript || isMark else { return ExecResult(exitCode: 0) }
    let isMarked = made.withLock { made in
      made.append(isScript ? "run" : "mark")
      return made.contains("mark")
    }
    guard isScript, !isMarked else { return ExecResult(exitCode: 0) }
    let answer = PodScripts.otherContainer
    return ExecResult(exitCode: answer.exitCode, stdout: Array(answer.stdout.utf8))
  }
}
