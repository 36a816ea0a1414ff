import FoundationEssentials
import HTTPServing
import KubeDirector
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import Rules
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing

@testable import Admission

@Suite("The HTTPS server with hostile clients", .timeLimit(.minutes(5)))
struct HostileClientTests {
  // MARK: Fixture

  /// A running server, and connections to it.
  private struct Scene: Sendable {
    var port: Int

    /// Opens a connection that sends nothing automatically.
    func connect(tls: Bool = true) async throws -> Line {
      let said = Said()
      let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            if tls {
              var settings = TLSConfiguration.makeClientConfiguration()
              settings.certificateVerification = .none
              let handler = try NIOSSLClientHandler(
                context: NIOSSLContext(configuration: settings), serverHostname: nil)
              try channel.pipeline.syncOperations.addHandler(handler)
            }
            try channel.pipeline.syncOperations.addHandler(Listener(said))
          }
        }.connect(host: "127.0.0.1", port: port).get()
      return Line(channel: channel, said: said)
    }
  }

  private final class Said: Sendable {
    private let bytes = Mutex<[UInt8]>([])
    func add(_ more: some Sequence<UInt8>) { bytes.withLock { $0 += more } }
    var text: String { bytes.withLock { String(decoding: $0, as: UTF8.self) } }
  }

  private final class Listener: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer
    private let said: Said
    init(_ said: Said) { self.said = said }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      said.add(unwrapInboundIn(data).readableBytesView)
    }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
  }

  private struct Line: Sendable {
    let channel: any Channel
    let said: Said

    func say(_ text: String) { channel.writeAndFlush(ByteBuffer(string: text), promise: nil) }

    /// Sends the same byte every 20 ms until the connection ends.
    func drip(_ byte: String) {
      let task = channel.eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: .milliseconds(20)) { _ in
        say(byte)
      }
      channel.closeFuture.whenComplete { _ in task.cancel() }
    }

    /// Waits until the server has closed.
    /// - Returns: the status of every answer up to then.
    func end() async throws -> [String] {
      try await channel.closeFuture.get()
      return statuses
    }

    var statuses: [String] {
      said.text.split(separator: "HTTP/1.1 ", omittingEmptySubsequences: false).dropFirst().map {
        String($0.prefix(3))
      }
    }

    func close() async throws { try await channel.close() }
  }

  private static let patient = ConnectionTiming(
    opening: .minutes(5), request: .minutes(5), idle: .minutes(5), closing: .minutes(5))

  private func withServer(
    timing: ConnectionTiming = patient, limitOfAddress: Int = 32, bytes: Int = BodyBudget.limit,
    _ body: @escaping @Sendable (Scene) async throws -> Void
  ) async throws {
    let api = MemoryAPI()
    let handler = AdmissionHandler(
      judge: AdmissionJudge(policy: Policy(), ownName: nil, stamp: nil),
      objects: LiveObjects(api: api, namespaces: nil, systemNamespace: "kdops-system"))
    let listener = HTTPSListener(
      handler: handler, clock: TestClock(), logger: .silent, timing: timing,
      table: ConnectionTable(limitOfAddress: limitOfAddress), budget: BodyBudget(limit: bytes))
    let pair = CurrentPair()
    let now = Int(Date().timeIntervalSince1970)
    try pair.set(try ServingPair.make(hosts: ["127.0.0.1"], now: now))
    let (ports, announce) = AsyncStream<Int>.makeStream()
    let server = try listener.server(
      address: "127.0.0.1", port: 0, try #require(try pair.configuration()), onRunning: { announce.yield($0) }
    )
    let services = ServiceGroup(services: [server], logger: .silent)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await services.run() }
      for await port in ports {
        try await body(Scene(port: port))
        break
      }
      await services.triggerGracefulShutdown()
      try await group.waitForAll()
    }
  }

  private static func post(_ path: String, _ headers: String = "", length: Int) -> String {
    "POST \(path) HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: \(length)\r\n"
      + "\(headers)\r\n"
  }

  // MARK: Time

  @Test("a client that sends nothing, or single bytes, is disconnected after the timeout")
  func slow() async throws {
    var timing = Self.patient
    timing.opening = .milliseconds(300)
    try await withServer(timing: timing) { scene in
      let silent = try await scene.connect(tls: false)
      let inHandshake = try await scene.connect(tls: false)
      inHandshake.say("\u{16}\u{03}\u{01}\u{02}\u{00}")
      inHandshake.drip("\u{01}")
      let inHead = try await scene.connect()
      inHead.say("POST /admit HTTP/1.1\r\nX: ")
      inHead.drip("x")
      for line in [silent, inHandshake, inHead] { #expect(try await line.end() == []) }
    }
  }

  @Test(
    "a body that arrives byte by byte has the same timeout as a missing one, whether it is refused or not")
  func body() async throws {
    var timing = Self.patient
    timing.request = .milliseconds(300)
    timing.closing = .milliseconds(300)
    try await withServer(timing: timing) { scene in
      let wanted = try await scene.connect()
      wanted.say(Self.post("/admit", length: 1_000_000))
      wanted.drip(" ")
      let refused = try await scene.connect()
      refused.say(Self.post("/elsewhere", length: 1_000_000))
      refused.drip(" ")
      #expect(try await wanted.end() == [])
      #expect(try await refused.end() == ["404"])
    }
  }

  @Test("a connection without a further request is closed after the timeout, even if single bytes arrive")
  func idle() async throws {
    var timing = Self.patient
    timing.closing = .milliseconds(300)
    try await withServer(timing: timing) { scene in
      let line = try await scene.connect()
      line.say(Self.post("/admit", length: 2) + "{}")
      line.drip("P")
      #expect(try await line.end().first == "400")
    }
  }

  // MARK: Limits

  @Test("connections per address are limited; one more is closed at once, until another one ends")
  func flood() async throws {
    try await withServer(limitOfAddress: 3) { scene in
      var lines: [Line] = []
      for _ in 0..<3 { lines.append(try await scene.connect()) }
      // Each of them is served, so it was counted.
      for line in lines {
        line.say("GET /admit HTTP/1.1\r\nHost: a\r\n\r\n")
        while line.statuses.isEmpty { await Task.yield() }
      }
      // It may even be closed before the client knows that it is open.
      if let more = try? await scene.connect(tls: false) { #expect(try await more.end() == []) }
      try await lines[0].close()
      var served: [String] = []
      while served.isEmpty {
        guard let line = try? await scene.connect() else { continue }
        line.say("GET /admit HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        served = (try? await line.end()) ?? []
      }
      #expect(served == ["405"])
      for line in lines.dropFirst() { try await line.close() }
    }
  }

  @Test("the memory for all bodies is limited; the next request is answered with a retry status")
  func memory() async throws {
    try await withServer(bytes: 1000) { scene in
      let holding = try await scene.connect()
      holding.say(Self.post("/admit", length: 901) + String(repeating: " ", count: 900))
      let close = "Connection: close\r\n"
      // The first body may not have arrived yet.
      var statuses: [String] = []
      while statuses != ["503"] {
        let line = try await scene.connect()
        line.say(Self.post("/admit", close, length: 200) + String(repeating: " ", count: 200))
        statuses = try await line.end()
      }
      try await holding.close()
      while statuses != ["400"] {
        let line = try await scene.connect()
        line.say(Self.post("/admit", close, length: 200) + String(repeating: " ", count: 200))
        statuses = try await line.end()
      }
    }
  }

  // MARK: Malformed input

  @Test("a connection without TLS or HTTP is closed without an answer")
  func nonsense() async throws {
    try await withServer { scene in
      let plain = try await scene.connect(tls: false)
      plain.say("GET /admit HTTP/1.1\r\nHost: a\r\n\r\n")
      let broken = try await scene.connect(tls: false)
      broken.say("\u{16}\u{03}\u{01}\u{00}\u{05}\u{01}\u{00}\u{00}\u{01}\u{7F}")
      for line in [plain, broken] { #expect(try await line.end() == []) }
    }
  }

  @Test(
    "a header that is too large or malformed is refused, and the connection ends",
    arguments: [
      "X: \(String(repeating: "x", count: 9 << 10))\r\n\r\n",
      String(repeating: "X: \(String(repeating: "x", count: 1000))\r\n", count: 40) + "\r\n",
      String(repeating: "X: x\r\n", count: 200) + "\r\n",
      "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      "Content-Length: -1\r\n\r\n", "Content-Length: 99999999999999999999\r\n\r\n",
    ])
  func head(rest: String) async throws {
    try await withServer { scene in
      let line = try await scene.connect()
      line.say("POST /admit HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\(rest)")
      let statuses = try await line.end()
      #expect(statuses == ["400"] || statuses == [])
    }
  }

  @Test("pipelined requests are answered in order")
  func pipelining() async throws {
    try await withServer { scene in
      let line = try await scene.connect()
      line.say(
        Self.post("/elsewhere", length: 2) + "{}" + Self.post("/admit", length: 2) + "{}"
          + "GET /admit HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
      #expect(try await line.end() == ["404", "400", "405"])
    }
  }
}
