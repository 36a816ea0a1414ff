import ClusterAPI
import Diagnostics
import Logging
import Synchronization
import TestSupport
import Testing
import Values

@testable import Admission

@Suite("Replicas and their certificate")
struct CertificateKeeperTests {
  /// The webhook's configuration and the time, controlled by a test.
  final class KeeperFixture: Sendable {
    let api = MemoryAPI()
    let clock = TestClock()
    private let state = Mutex<(now: Int, bundle: [UInt8], isDown: Bool)>((noon, [], false))

    var now: Int { state.withLock { $0.now } }
    var bundle: String { state.withLock { String(decoding: $0.bundle, as: UTF8.self) } }
    var secret: Object? { api.object(.secrets, "kdops-system", "kdops-admission") }
    var book: CertificateBook { secret.map(CertificateBook.init) ?? CertificateBook() }

    func pass(_ seconds: Int) { state.withLock { $0.now += seconds } }
    func setPublishing(_ isPossible: Bool) { state.withLock { $0.isDown = !isPossible } }

    func keeper(_ hosts: Set<String> = ["kdops.example"], _ logger: Logger = .silent) -> CertificateKeeper {
      CertificateKeeper(
        api: api, settings: .init(namespace: "kdops-system", hosts: hosts), logger: logger, clock: clock,
        now: { self.now },
        publish: { bundle in
          let isDown = self.state.withLock { $0.isDown }
          if isDown { throw APIError(.notFound, "the webhook's configuration is not there") }
          self.state.withLock { $0.bundle = bundle }
        })
    }
  }

  let fixture = KeeperFixture()

  @Test("the first replica creates the certificate, and the next one finds it")
  func twoReplicas() async throws {
    let (one, two) = (fixture.keeper(), fixture.keeper())
    #expect(await one.check())
    let pair = try #require(one.current.pair)
    #expect(fixture.book.newest == pair)
    #expect(fixture.bundle.contains(pair.authority))
    #expect(await two.check())
    #expect(two.current.pair == pair)
  }

  @Test("of two replicas that create at once, the slower uses the certificate of the faster")
  func creationRace() async throws {
    let rival = try CertificateBook().renewed(for: ["kdops.example"], at: noon)
    fixture.api.beforeWrite { $0.put(rival.secret(namespace: "kdops-system").json) }
    let keeper = fixture.keeper()
    #expect(await keeper.check())
    #expect(keeper.current.pair == rival.newest)
    #expect(fixture.book == rival)
  }

  @Test("of two replicas that renew at once, the slower uses the certificate of the faster")
  func renewalRace() async throws {
    let keeper = fixture.keeper()
    #expect(await keeper.check())
    fixture.pass(60 * day)
    let rival = try fixture.book.renewed(for: ["kdops.example"], at: fixture.now)
    let secret = rival.secret(namespace: "kdops-system", over: fixture.secret)
    fixture.api.beforeWrite { $0.put(secret.json) }
    #expect(await keeper.check())
    #expect(fixture.book == rival)
    #expect(fixture.bundle.contains(try #require(rival.newest).authority))
  }

  @Test("at every moment of a renewal every replica serves a trusted certificate")
  func noGap() async throws {
    let (one, two) = (fixture.keeper(), fixture.keeper())
    for step in 0..<200 {
      // They check at different times; the second one seldom.
      #expect(await one.check())
      if step.isMultiple(of: 3) { #expect(await two.check()) }
      for keeper in [one, two] {
        let pair = try #require(keeper.current.pair)
        #expect(pair.isValid(at: fixture.now))
        #expect(fixture.bundle.contains(pair.authority))
      }
      fixture.pass(step.isMultiple(of: 2) ? day : hour)
    }
    #expect(one.current.pair?.madeAt != noon)
  }

  @Test("an expired certificate is replaced before it is served")
  func expired() async throws {
    let old = try CertificateBook().renewed(for: ["kdops.example"], at: noon - 91 * day)
    fixture.api.put(old.secret(namespace: "kdops-system").json)
    let keeper = fixture.keeper()
    #expect(await keeper.check())
    #expect(keeper.current.pair?.madeAt == noon)
    #expect(!fixture.bundle.contains(try #require(old.newest).authority))
  }

  @Test("a Secret with other content is replaced")
  func garbage() async throws {
    var secret = Object(.secrets, namespace: "kdops-system", name: "kdops-admission", labels: ["mine": "yes"])
    secret.json["data"] = ["tls.crt": "%%%", "tls.key": 7, "ca.crt": "Zm9v"]
    fixture.api.put(secret.json)
    let keeper = fixture.keeper()
    #expect(await keeper.check())
    #expect(fixture.book.newest == keeper.current.pair)
    #expect(fixture.secret?.labels == ["mine": "yes"])
  }

  @Test("a deleted Secret is created again, and earlier authorities stay trusted meanwhile")
  func takenAway() async throws {
    let keeper = fixture.keeper()
    #expect(await keeper.check())
    let pair = try #require(keeper.current.pair)
    fixture.api.remove(.secrets, "kdops-system", "kdops-admission")
    fixture.pass(hour)
    #expect(await keeper.check())
    #expect(keeper.current.pair == pair)
    #expect(fixture.book.previous == pair)
    #expect(fixture.bundle.contains(pair.authority))
  }

  @Test("a missing webhook configuration does not prevent serving, and is tried again soon")
  func unpublished() async throws {
    fixture.setPublishing(false)
    let keeper = fixture.keeper()
    try await keeper.begin()
    #expect(keeper.current.pair != nil)
    #expect(fixture.bundle.isEmpty)
    fixture.setPublishing(true)
    await withTaskGroup(of: Void.self) { group in
      group.addTask { try? await keeper.keep() }
      await fixture.clock.advance(whileSomeoneSleeps: .seconds(2)) { !fixture.bundle.isEmpty }
      group.cancelAll()
    }
    #expect(!fixture.bundle.isEmpty)
  }

  @Test("an API server that does not answer is asked again until a certificate can be served")
  func begins() async throws {
    fixture.api.fail(with: APIError(.unavailable, "the server does not answer"))
    let keeper = fixture.keeper()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await keeper.begin() }
      await fixture.clock.advance(whileSomeoneSleeps: .seconds(2)) { fixture.api.requests.count >= 2 }
      fixture.api.fail(with: nil)
      await fixture.clock.advance(whileSomeoneSleeps: .seconds(600)) { keeper.current.pair != nil }
      try await group.waitForAll()
    }
    #expect(keeper.current.pair != nil)
  }

  @Test("no key is logged, whatever fails")
  func logs() async throws {
    let log = LogCapture()
    let keeper = fixture.keeper(["kdops.example"], log.logger)
    #expect(await keeper.check())
    fixture.setPublishing(false)
    fixture.pass(60 * day)
    #expect(await keeper.check() == false)
    let key = try #require(fixture.book.newest?.key.reveal())
    #expect(log.text.contains("admission.certificate.made"))
    #expect(log.text.contains("admission.certificate.failed"))
    #expect(!log.text.contains("PRIVATE"))
    #expect(!log.text.contains(key.split(separator: "\n")[1]))
  }
}
