import AsyncHTTPClient
import ClusterAPI
import FoundationEssentials
import KubeDirector
import Logging
import NIOCore
import NIOSSL
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing
import Values

@testable import Admission

@Suite("The HTTPS server with an API server's requests", .timeLimit(.minutes(10)))
struct ServerTests {
  /// A running server, and its client.
  struct Scene: Sendable {
    var port: Int
    var fixture: ServerFixture
    /// Stops the server.
    var stop: @Sendable () async -> Void

    func client(
      trusting bundle: [UInt8]? = nil, _ change: (inout TLSConfiguration) -> Void = { _ in }
    ) throws -> HTTPClient {
      var tls = TLSConfiguration.makeClientConfiguration()
      tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(bundle ?? fixture.bundle))
      change(&tls)
      return HTTPClient(
        eventLoopGroupProvider: .singleton, configuration: HTTPClient.Configuration(tlsConfiguration: tls))
    }

    func post(
      _ body: HTTPClientRequest.Body, path: String = "/admit?timeout=5s", type: String? = "application/json",
      with client: HTTPClient
    ) async throws -> (status: UInt, body: String) {
      var request = HTTPClientRequest(url: "https://127.0.0.1:\(port)\(path)")
      request.method = .POST
      if let type { request.headers.add(name: "content-type", value: type) }
      request.body = body
      let response = try await Self.execute(request, with: client)
      return (response.status.code, String(buffer: try await response.body.collect(upTo: 1 << 20)))
    }

    /// Sends a request, and repeats it if the server had just closed the idle connection that the client
    /// chose.
    static func execute(_ request: HTTPClientRequest, with client: HTTPClient) async throws
      -> HTTPClientResponse
    {
      do {
        return try await client.execute(request, timeout: .seconds(30))
      } catch let error as HTTPClientError where error == .remoteConnectionClosed {
        return try await client.execute(request, timeout: .seconds(30))
      }
    }
  }

  final class ServerFixture: Sendable {
    let api = MemoryAPI(Sample.current)
    let clock = TestClock()
    private let state: Mutex<(now: Int, bundle: [UInt8])>

    /// - Parameter age: seconds since the certificate was created. Clients use the real time.
    init(age: Int = 0) { state = Mutex((Int(Date().timeIntervalSince1970) - age, [])) }

    var now: Int { state.withLock { $0.now } }
    var bundle: [UInt8] { state.withLock { $0.bundle } }

    func pass(_ seconds: Int) { state.withLock { $0.now += seconds } }
    func publish(_ bundle: [UInt8]) { state.withLock { $0.bundle = bundle } }
  }

  /// Whether an answer has arrived.
  final class Answered: Sendable {
    private let state = Mutex(false)
    var isThere: Bool {
      get { state.withLock { $0 } }
      set { state.withLock { $0 = newValue } }
    }
  }

  private func withServer(
    age: Int = 0, _ body: @escaping @Sendable (Scene) async throws -> Void
  ) async throws {
    let fixture = ServerFixture(age: age)
    let (ports, announce) = AsyncStream<Int>.makeStream()
    let server = AdmissionServer(
      api: fixture.api,
      settings: AdmissionSettings(address: "127.0.0.1", port: 0, hostNames: ["127.0.0.1"]), logger: .silent,
      clock: fixture.clock, now: { fixture.now }, publish: { fixture.publish($0) },
      onListening: { announce.yield($0) })
    let services = ServiceGroup(services: [server], logger: .silent)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await services.run() }
      for await port in ports {
        // The bundle is published just after the certificate is served.
        while fixture.bundle.isEmpty { await Task.yield() }
        try await body(
          Scene(port: port, fixture: fixture, stop: { await services.triggerGracefulShutdown() }))
        break
      }
      await services.triggerGracefulShutdown()
      try await group.waitForAll()
    }
  }

  private func with(
    _ client: HTTPClient, _ body: (HTTPClient) async throws -> Void
  ) async throws {
    do {
      try await body(client)
    } catch {
      try? await client.shutdown()
      throw error
    }
    try await client.shutdown()
  }

  @Test("a review is answered, over a certificate of the published authority")
  func answers() async throws {
    try await withServer { scene in
      try await with(scene.client()) { client in
        var reply = try await scene.post(
          .bytes(AdmissionRequest.create(Sample.candidate).review.serialized()), with: client)
        while reply.body.contains("not judged") {
          // The first list is in progress.
          reply = try await scene.post(
            .bytes(AdmissionRequest.create(Sample.candidate).review.serialized()), with: client)
        }
        #expect(reply.status == 200)
        #expect(try JSON.parse(reply.body) == AdmissionAnswer.allowed().review(uid: "6f1c"))
        let bad = Sample.cluster(("app: spark-1.0.0", "app: spork-1.0.0"))
        reply = try await scene.post(
          .bytes(AdmissionRequest.create(bad).review.serialized()), with: client)
        #expect(reply.status == 200)
        #expect(reply.body.contains("error[cluster/app-registered]"))
      }
    }
  }

  @Test("a request that is no review is refused with a status and a reason")
  func refusals() async throws {
    try await withServer { scene in
      try await with(scene.client()) { client in
        let empty = HTTPClientRequest.Body.bytes(Array("{}".utf8))
        #expect(try await scene.post(empty, path: "/", with: client).status == 404)
        #expect(try await scene.post(empty, path: "/admit/", with: client).status == 404)
        #expect(try await scene.post(empty, type: "text/plain", with: client).status == 415)
        #expect(try await scene.post(empty, type: nil, with: client).status == 415)
        let malformed = try await scene.post(empty, type: "application/json; charset=utf-8", with: client)
        #expect(malformed.status == 400)
        #expect(malformed.body.contains("AdmissionReview"))
        let got = try await Scene.execute(
          HTTPClientRequest(url: "https://127.0.0.1:\(scene.port)/admit"), with: client)
        #expect(got.status.code == 405)
        #expect(got.headers.first(name: "allow") == "POST")
      }
    }
  }

  @Test("a body that is too large is refused, with or without a length header")
  func tooLarge() async throws {
    try await withServer { scene in
      try await with(scene.client()) { client in
        let large = ByteBuffer(repeating: UInt8(ascii: " "), count: AdmissionHandler.bodyLimit + 1)
        // The server may answer and close while the client still sends; the client then sees only the close.
        func refusal(_ body: HTTPClientRequest.Body) async throws -> UInt? {
          do {
            return UInt(try await scene.post(body, with: client).status)
          } catch let error as HTTPClientError where error == .remoteConnectionClosed {
            return nil
          }
        }
        let declared = try await refusal(.bytes(large))
        #expect(declared == nil || declared == 413)
        let pieces = AsyncStream<ByteBuffer> { continuation in
          for _ in 0..<4 { continuation.yield(ByteBuffer(repeating: UInt8(ascii: " "), count: 1 << 20)) }
          continuation.finish()
        }
        let undeclared = try await refusal(.stream(pieces, length: .unknown))
        #expect(undeclared == nil || undeclared == 413)
      }
    }
  }

  @Test("a body that does not arrive causes a timeout")
  func tooSlow() async throws {
    try await withServer { scene in
      try await with(scene.client()) { client in
        let (pieces, feed) = AsyncStream<ByteBuffer>.makeStream()
        feed.yield(ByteBuffer(string: "{"))
        let status = Answered()
        async let reply = scene.post(.stream(pieces, length: .known(Int64(100))), with: client)
        async let time: Void = scene.fixture.clock.advance(
          whileSomeoneSleeps: HTTPSListener.requestTimeout, until: { status.isThere })
        let answer = try? await reply
        status.isThere = true
        await time
        #expect(answer?.status == 408)
        feed.finish()
      }
    }
  }

  @Test("a stopping server answers the requests that it has received")
  func ending() async throws {
    try await withServer { scene in
      try await with(scene.client()) { client in
        let review = AdmissionRequest.create(Sample.cluster.inNamespace("staging")).review.serialized()
        var reply = try await scene.post(.bytes(review), with: client)
        while reply.body.contains("not judged") {
          reply = try await scene.post(.bytes(review), with: client)
        }
        let api = scene.fixture.api
        let before = api.requests.count
        api.hold()
        async let last = scene.post(.bytes(review), with: client)
        while api.requests.count == before { await Task.yield() }
        await scene.stop()
        api.release()
        let answer = try await last
        #expect(answer.status == 200)
        #expect(answer.body.contains("cluster/app-registered"))
      }
    }
  }

  @Test(
    "a certificate is renewed without a restart, and the published authorities are valid at every moment"
  )
  func renewal() async throws {
    try await withServer(age: 60 * day) { scene in
      let fixture = scene.fixture
      let first = fixture.bundle
      let review = AdmissionRequest.delete(Sample.cluster).review.serialized()
      func ask(trusting bundle: [UInt8]) async throws {
        try await with(scene.client(trusting: bundle)) { client in
          let reply = try await scene.post(.bytes(review), with: client)
          #expect(reply.status == 200)
        }
      }
      try await ask(trusting: first)
      fixture.pass(60 * day)
      await fixture.clock.advance(whileSomeoneSleeps: CertificateKeeper.interval) { fixture.bundle != first }
      let both = fixture.bundle
      #expect(both.count > first.count)
      try await ask(trusting: both)
      try await ask(trusting: first)
      fixture.pass(CertificateBook.announcement)
      let newest = Array(both.prefix(both.count - first.count))
      // The old one is served until the next check.
      var isServed = false
      while !isServed {
        fixture.clock.advance(by: CertificateKeeper.interval)
        isServed = (try? await ask(trusting: newest)) != nil
        try await ask(trusting: both)
      }
      await #expect(throws: (any Error).self) { try await ask(trusting: first) }
    }
  }

  @Test("TLS below 1.2, and plain HTTP, are refused")
  func transport() async throws {
    try await withServer { scene in
      try await with(
        scene.client({
          $0.minimumTLSVersion = .tlsv1; $0.maximumTLSVersion = .tlsv11
        })
      ) { client in
        await #expect(throws: (any Error).self) {
          try await scene.post(.bytes(Array("{}".utf8)), with: client)
        }
      }
      try await with(scene.client()) { client in
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(scene.port)/admit")
        request.method = .POST
        await #expect(throws: (any Error).self) {
          _ = try await client.execute(request, timeout: .seconds(10))
        }
      }
    }
  }

  @Test("an address in use is reported in the error")
  func takenAddress() async throws {
    try await withServer { scene in
      let fixture = ServerFixture()
      let server = AdmissionServer(
        api: fixture.api, settings: AdmissionSettings(address: "127.0.0.1", port: scene.port),
        logger: .silent, clock: fixture.clock, now: { fixture.now }, publish: { fixture.publish($0) })
      let error = await #expect(throws: AdmissionError.self) { try await server.run() }
      #expect(error?.message.contains("127.0.0.1:\(scene.port)") == true)
    }
  }
}
