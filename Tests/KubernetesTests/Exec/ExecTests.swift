import ClusterAPI
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import TestSupport
import Testing

@testable import Kubernetes

@Suite("A command over a websocket", .timeLimit(.minutes(10)))
struct ExecTests {
  private static let pod = ObjectName(namespace: "prod", name: "spark-worker-0")

  private func make(
    _ port: Int, clock: any Clock<Duration> = ContinuousClock(), timing: ExecTiming = ExecTiming(),
    credentials: any Credentials = ExecCredentials(), running: String? = nil
  ) throws -> Exec {
    let server = Server(
      host: "127.0.0.1", port: port, path: "", tls: nil, serverName: nil, credentials: credentials,
      namespace: nil, label: "test")
    return try Exec(
      server: server, group: .singletonMultiThreadedEventLoopGroup, clock: clock, timing: timing
    ) { _, _ in running }
  }

  private func failure(
    of server: ExecServer, timing: ExecTiming = ExecTiming(),
    _ request: ExecRequest = ExecRequest(command: ["x"])
  ) async throws -> APIError? {
    try await server.run { port in
      let exec = try make(port, timing: timing)
      return await #expect(throws: APIError.self) { try await exec.run(Self.pod, request) }
    }
  }

  @Test("both streams and the exit code are returned, however they are split into frames", arguments: [0, 7])
  func streams(code: Int) async throws {
    let server = ExecServer { talk in
      // Real servers send this first.
      try await talk.send(.binary, [1])
      try await talk.say(1, "one ")
      try await talk.say(2, "warning")
      try await talk.send(.binary, [1] + Array("t".utf8), fin: false)
      try await talk.send(.ping, Array("still there?".utf8))
      try await talk.send(.continuation, Array("w".utf8), fin: false)
      try await talk.send(.continuation, Array("o".utf8))
      let status = Array(ExecTalk.status(code).utf8)
      try await talk.send(.binary, [3] + status.prefix(10))
      try await talk.send(.binary, [3] + status.dropFirst(10))
    }
    let result = try await server.run { port in
      try await make(port).run(Self.pod, ExecRequest(command: ["x"]))
    }
    #expect(
      result == ExecResult(exitCode: code, stdout: Array("one two".utf8), stderr: Array("warning".utf8)))
  }

  @Test("the request contains pod, container and each argument, with any characters")
  func request() async throws {
    let seen = Shared<HTTPRequestHead?>(nil)
    var server = ExecServer { talk in try await talk.exit(0) }
    server.answer = { head in
      seen.change { $0 = head }
      return .upgrade(ExecProtocol.v4.rawValue)
    }
    _ = try await server.run { port in
      let exec = try make(port, credentials: ExecCredentials(token: "never over plain HTTP"))
      return try await exec.run(Self.pod, ExecRequest(command: ["sh", "-c", "echo \"$1&é\"\n"], stdin: [1]))
    }
    let head = try #require(seen.value)
    #expect(
      head.uri == "/api/v1/namespaces/prod/pods/spark-worker-0/exec?container=app&command=sh&command=-c"
        + "&command=echo%20%22%241%26%C3%A9%22%0A&stdin=true&stdout=true&stderr=true")
    #expect(head.headers["Sec-WebSocket-Protocol"] == ["v5.channel.k8s.io, v4.channel.k8s.io"])
    #expect(head.headers["Authorization"].isEmpty)
  }

  @Test(
    "over TLS the server is verified by address or by name before credentials are sent",
    arguments: [nil, "kube.test"])
  func secure(name: String?) async throws {
    let authority = try TestAuthority()
    let authorization = Shared<[String]>([])
    let own = try authority.server(names: ["kube.test"])
    var server = ExecServer(tls: try NIOSSLContext(configuration: own)) { talk in try await talk.exit(0) }
    server.answer = { head in
      authorization.change { $0 += head.headers["Authorization"] }
      return .upgrade(ExecProtocol.v4.rawValue)
    }
    @Sendable func call(_ port: Int, trusting pem: String) async throws -> APIError? {
      var tls = TLSConfiguration.makeClientConfiguration()
      tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(pem.utf8)))
      let credentials = ExecCredentials(token: "t0ken")
      let server = Server(
        host: "127.0.0.1", port: port, path: "", tls: tls, serverName: name, credentials: credentials,
        namespace: nil, label: "test")
      let exec = try Exec(server: server, group: .singletonMultiThreadedEventLoopGroup) { _, _ in nil }
      do throws(APIError) {
        _ = try await exec.run(Self.pod, ExecRequest(command: ["x"]))
        return nil
      } catch {
        return error
      }
    }
    let stranger = try TestAuthority("stranger").pem
    let (fine, refused) = try await server.run { port in
      (try await call(port, trusting: authority.pem), try await call(port, trusting: stranger))
    }
    #expect(fine == nil)
    #expect(authorization.value == ["Bearer t0ken"])
    #expect(refused?.kind == .unavailable)
    #expect(refused?.message.contains("not signed by the CA") == true)
  }

  @Test("8 MiB of input are sent while as much output is received", arguments: ExecProtocol.allCases)
  func echo(version: ExecProtocol) async throws {
    let input = (0..<(8 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 13) }
    let closed = Shared(false)
    var server = ExecServer { talk in
      var count = 0
      try await talk.listen { opcode, bytes in
        if opcode == .binary, bytes.first == 0 {
          count += bytes.count - 1
          try await talk.send(.binary, [1] + bytes.dropFirst())
          if count % (1 << 20) < bytes.count { try await talk.send(.ping, []) }
        }
        if bytes == [255, 0] { closed.change { $0 = true } }
        return count < input.count || version == .v5 && !closed.value
      }
      try await talk.exit(0)
    }
    server.answer = { _ in .upgrade(version.rawValue) }
    let result = try await server.run { port in
      let request = ExecRequest(command: ["cat"], stdin: input, outputLimit: input.count)
      return try await make(port).run(Self.pod, request)
    }
    #expect(result.stdout == input)
    #expect(closed.value == (version == .v5))
  }

  @Test("the first bytes of each stream are kept up to the limit; the rest is read and dropped")
  func limit() async throws {
    let server = ExecServer { talk in
      let long = [UInt8](repeating: 0x61, count: 600_000)
      for _ in 0..<20 { try await talk.send(.binary, [1] + long) }
      try await talk.say(2, "short")
      try await talk.exit(0)
    }
    let result = try await server.run { port in
      try await make(port).run(Self.pod, ExecRequest(command: ["x"], outputLimit: 700_001))
    }
    #expect(result.stdout == [UInt8](repeating: 0x61, count: 700_001))
    #expect(result.stderr == Array("short".utf8))
  }

  @Test("if the connection is cut before the exit code, the result is unknown")
  func cut() async throws {
    let server = ExecServer { talk in
      try await talk.say(1, "half of i")
      throw Cut()
    }
    let error = try await failure(of: server)
    #expect(error?.kind == .unavailable)
    #expect(error?.message.hasPrefix("Pod prod/spark-worker-0: the connection ended before") == true)
  }

  @Test(
    "data that arrives together with the opening and closing of the websocket is read", arguments: 0..<20)
  func inOneBreath(time: Int) async throws {
    let server = ExecServer { talk in
      try await talk.say(1, "ok")
      try await talk.exit(9)
      throw Cut()
    }
    let result = try await server.run { port in
      try await make(port).run(Self.pod, ExecRequest(command: ["x"]))
    }
    #expect(result == ExecResult(exitCode: 9, stdout: Array("ok".utf8)))
  }

  @Test("a command ends when its status arrives, even if the server does not close")
  func lingering() async throws {
    var timing = ExecTiming()
    timing.grace = .milliseconds(20)
    let server = ExecServer { talk in
      try await talk.exit(3)
      try await talk.listen { _, _ in true }
    }
    let result = try await server.run { [timing] port in
      try await make(port, timing: timing).run(Self.pod, ExecRequest(command: ["x"]))
    }
    #expect(result.exitCode == 3)
  }

  @Test("a server that accepts and never answers causes a timeout")
  func silentServer() async throws {
    var timing = ExecTiming()
    timing.answer = .milliseconds(50)
    let listening = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .bind(host: "127.0.0.1", port: 0).get()
    let exec = try make(listening.localAddress?.port ?? 0, timing: timing)
    let error = await #expect(throws: APIError.self) {
      try await exec.run(Self.pod, ExecRequest(command: ["x"]))
    }
    #expect(error?.kind == .unavailable)
    try await listening.close()
  }

  @Test("a timeout before the connection is open is not reported as the command's")
  func timeoutBeforeOpening() async throws {
    let clock = TestClock()
    let listening = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .bind(host: "127.0.0.1", port: 0).get()
    let exec = try make(listening.localAddress?.port ?? 0, clock: clock)
    let running = Task {
      try await exec.run(Self.pod, ExecRequest(command: ["x"], timeout: .seconds(5)))
    }
    while clock.sleeperCount == 0 { await Task.yield() }
    clock.advance(by: .seconds(5))
    let error = await #expect(throws: APIError.self) { try await running.value }
    #expect(error?.kind == .unavailable)
    try await listening.close()
  }

  @Test("if the connection is refused, the error is unavailable")
  func connectionRefused() async throws {
    let listening = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .bind(host: "127.0.0.1", port: 0).get()
    let port = listening.localAddress?.port ?? 0
    try await listening.close()
    let exec = try make(port)
    let error = await #expect(throws: APIError.self) {
      try await exec.run(Self.pod, ExecRequest(command: ["x"]))
    }
    #expect(error?.kind == .unavailable)
  }

  @Test("after its timeout the command is no longer waited for, and the connection closes")
  func timeout() async throws {
    let clock = TestClock()
    let (gone, go) = AsyncStream<Void>.makeStream()
    let (begun, begin) = AsyncStream<Void>.makeStream()
    let server = ExecServer { talk in
      // Standard input is sent over an open connection.
      try? await talk.listen { _, _ in
        begin.finish()
        return true
      }
      go.finish()
    }
    let error = try await server.run { port in
      let exec = try make(port, clock: clock)
      let running = Task {
        try await exec.run(Self.pod, ExecRequest(command: ["x"], stdin: [1], timeout: .seconds(90)))
      }
      for await _ in begun {}
      while clock.sleeperCount == 0 { await Task.yield() }
      clock.advance(by: .seconds(90))
      let error = await #expect(throws: APIError.self) { try await running.value }
      for await _ in gone {}
      return error
    }
    #expect(error?.kind == .timeout)
    #expect(error?.message == "Pod prod/spark-worker-0: the command had not ended within 90.0 seconds")
  }

  @Test("cancellation closes the connection, and does not count as the command's end")
  func cancellation() async throws {
    let (gone, go) = AsyncStream<Void>.makeStream()
    let (begun, begin) = AsyncStream<Void>.makeStream()
    let server = ExecServer { talk in
      begin.finish()
      try? await talk.listen { _, _ in true }
      go.finish()
    }
    let error = try await server.run { port in
      let exec = try make(port)
      let running = Task { try await exec.run(Self.pod, ExecRequest(command: ["x"])) }
      for await _ in begun {}
      running.cancel()
      let error = await #expect(throws: APIError.self) { try await running.value }
      for await _ in gone {}
      return error
    }
    #expect(error?.kind == .unavailable)
  }

  @Test("a server that supports neither protocol version is named")
  func otherProtocol() async throws {
    var server = ExecServer()
    server.answer = { _ in .upgrade("channel.k8s.io") }
    let error = try await failure(of: server)
    #expect(error?.kind == .unsupported)
    #expect(error?.message.contains("channel.k8s.io") == true)
  }

  @Test("a refusal carries the server's message and its Retry-After")
  func refusal() async throws {
    var server = ExecServer()
    server.answer = { _ in
      .refuse(.serviceUnavailable, body: #"{"message":"etcd is away"}"#, headers: ["Retry-After": "7"])
    }
    let error = try await failure(of: server)
    #expect(
      error
        == APIError(
          .unavailable, "Pod prod/spark-worker-0: no command can run now: etcd is away",
          retryAfter: .seconds(7)))
  }

  @Test("rejected credentials are dropped and loaded once more")
  func unauthorized() async throws {
    let asked = Shared(0)
    let forgotten = Shared(0)
    var server = ExecServer { talk in try await talk.exit(0) }
    server.answer = { _ in
      let time = asked.change { count in
        count += 1
        return count
      }
      return time == 1 ? .refuse(.unauthorized) : .upgrade(ExecProtocol.v4.rawValue)
    }
    let result = try await server.run { port in
      let credentials = ExecCredentials(onForget: { forgotten.change { $0 += 1 } })
      return try await make(port, credentials: credentials).run(Self.pod, ExecRequest(command: ["x"]))
    }
    #expect(result.exitCode == 0)
    #expect(forgotten.value == 1)
    server.answer = { _ in .refuse(.unauthorized) }
    #expect(try await failure(of: server)?.kind == .unauthorized)
  }

  @Test(
    "a command for one container is not sent to another",
    arguments: [
      ("containerd://1", nil), ("containerd://2", .conflict), (nil, .notRunning),
    ] as [(String?, APIError.Kind?)])
  func container(running: String?, kind: APIError.Kind?) async throws {
    let asked = Shared(false)
    var server = ExecServer { talk in try await talk.exit(0) }
    server.answer = { _ in
      asked.change { $0 = true }
      return .upgrade(ExecProtocol.v4.rawValue)
    }
    let found = try await server.run { port in
      let request = ExecRequest(command: ["x"], containerID: "containerd://1")
      let exec = try make(port, running: running)
      do throws(APIError) {
        _ = try await exec.run(Self.pod, request)
        return APIError.Kind?.none
      } catch {
        return error.kind
      }
    }
    #expect(found == kind)
    #expect(asked.value == (kind == nil))
  }

  @Test("an empty command, or one with a zero byte, is refused before it is sent", arguments: [[], ["a\0b"]])
  func impossible(command: [String]) async throws {
    let exec = try make(1)
    let error = await #expect(throws: APIError.self) {
      try await exec.run(Self.pod, ExecRequest(command: command))
    }
    #expect(error?.kind == .invalid)
  }
}
