import FoundationEssentials
import NIOCore
import NIOPosix
import TestSupport
import Testing

@testable import EmbeddedAPI

@Suite("The server of the embedded cluster's API", .timeLimit(.minutes(10)))
struct ServerTests {
  private func server(
    _ fixture: APIFixture, port: Int, isFollowingGit: Bool, clock: TestClock,
    onListening: @escaping @Sendable (Int) async -> Void = { _ in }
  ) -> EmbeddedAPIServer {
    EmbeddedAPIServer(
      api: fixture.cluster,
      settings: EmbeddedAPIServer.Settings(
        port: port, kubeconfig: "\(fixture.folder)/kubeconfig", policy: APIFixture.policy,
        isFollowingGit: isFollowingGit, build: "0.1.0"),
      logs: APIFixture.logs, logger: APIFixture.logger, clock: clock,
      now: { Int(Date().timeIntervalSince1970) }, onListening: onListening)
  }

  private func occupied() async throws -> (any Channel, port: Int) {
    let other = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .bind(host: "127.0.0.1", port: 0).get()
    return (other, try #require(other.localAddress?.port))
  }

  @Test("a daemon runs on while the address is in use, and serves the API once it is free")
  func addressInUse() async throws {
    try await APIFixture.with { fixture in
      let (other, port) = try await occupied()
      let clock = TestClock()
      let (ports, announce) = AsyncStream<Int>.makeStream()
      let server = server(fixture, port: port, isFollowingGit: true, clock: clock) { announce.yield($0) }
      let running = Task { try await server.run() }
      while clock.deadlines.first != .seconds(30) { await Task.yield() }
      try await other.close()
      clock.advance(by: .seconds(30))
      var served = ports.makeAsyncIterator()
      let first = await served.next()
      #expect(first == port)
      let kubeconfig = "\(fixture.folder)/kubeconfig"
      let mode = try FileManager.default.attributesOfItem(atPath: kubeconfig)[.posixPermissions] as? Int
      #expect(mode.map { $0 & 0o777 } == 0o600)
      running.cancel()
      try await running.value
      #expect(!FileManager.default.fileExists(atPath: kubeconfig))
    }
  }

  @Test("a sandbox ends if its address is in use")
  func sandbox() async throws {
    try await APIFixture.with { fixture in
      let (other, port) = try await occupied()
      var failure: EmbeddedAPIError?
      do {
        try await server(fixture, port: port, isFollowingGit: false, clock: TestClock()).run()
      } catch let error as EmbeddedAPIError {
        failure = error
      }
      try await other.close()
      #expect(failure?.message.contains("choose another address") == true)
    }
  }
}
