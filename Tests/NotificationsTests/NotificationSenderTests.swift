import Foundation
import Logging
import Reports
import Synchronization
import TestSupport
import Testing
import Values

@testable import Notifications

@Suite("Sending notifications", .timeLimit(.minutes(5)))
struct NotificationSenderTests {
  /// A receiver in this process, which answers with the codes that a test defines.
  private final class Receiver: Sendable {
    private struct State {
      var codes: [Int] = []
      var seen: [JSONServer.Request] = []
    }

    private let state = Mutex(State())
    private let server = Mutex<JSONServer?>(nil)

    /// - Returns: its address.
    func start() async throws -> String {
      let started = try await JSONServer { request in
        self.state.withLock { state in
          state.seen.append(request)
          let code = state.codes.isEmpty ? 200 : state.codes.removeFirst()
          let pause = code == 429 ? ["Retry-After": "30"] : [:]
          return JSONServer.Answer(code, headers: pause.merging(["Location": "/other"]) { $1 })
        }
      }
      server.withLock { $0 = started }
      return "http://127.0.0.1:\(started.port)/hook"
    }

    func stop() async { await server.withLock { $0 }?.stop() }
    func answer(_ codes: Int...) { state.withLock { $0.codes += codes } }
    var seen: [JSONServer.Request] { state.withLock { $0.seen } }
    var events: [String] { seen.compactMap { $0.body?["event"]?.string } }
  }

  /// A store in memory, which can be made to fail.
  private final class MemoryStore: OutboxStore {
    struct Away: Error {}

    private let state = Mutex((record: JSON?.none, isAway: false))

    var record: JSON? { state.withLock { $0.record } }
    func fail(_ isAway: Bool) { state.withLock { $0.isAway = isAway } }

    func read() async throws -> JSON? {
      try state.withLock { state in
        if state.isAway { throw Away() }
        return state.record
      }
    }

    func write(_ record: JSON) async throws {
      try state.withLock { state in
        if state.isAway { throw Away() }
        state.record = record
      }
    }
  }

  /// The objects that a test uses.
  private struct Scene: Sendable {
    var receiver: Receiver
    var url: String
    var store: MemoryStore
    var clock: TestClock
    var folder: TemporaryFolder

    func target(_ settings: JSON = [:]) throws -> NotificationTarget {
      var all: JSON = ["name": "bus", "kind": "webhook", "url": .string(url)]
      for (name, value) in settings.object ?? JSON.Members() { all[name] = value }
      return try NotificationTarget(settings: all)
    }

    /// Runs a sender for the time of the body.
    func run(
      _ targets: [NotificationTarget]? = nil, _ body: @Sendable (NotificationSender) async throws -> Void
    ) async throws {
      let sender = NotificationSender(
        try targets ?? [target()], installation: "default", store: store, logger: .silent, clock: clock,
        now: { Sample.now }, backoff: Backoff(first: .seconds(1), limit: .seconds(60)))
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await sender.run() }
        do {
          try await body(sender)
        } catch {
          group.cancelAll()
          await sender.close()
          throw error
        }
        group.cancelAll()
      }
      await sender.close()
    }

    func received(_ count: Int) async {
      while receiver.seen.count < count, !Task.isCancelled { await Task.yield() }
    }

    func delivered(_ sender: NotificationSender) async {
      while await sender.backlog > 0, !Task.isCancelled { await Task.yield() }
    }

    /// Waits until the sender sleeps, and returns for how long.
    func pause() async -> Duration? {
      while !Task.isCancelled {
        if let deadline = clock.deadlines.first { return deadline - clock.now.offset }
        await Task.yield()
      }
      return nil
    }
  }

  private func withScene(_ body: (Scene) async throws -> Void) async throws {
    let receiver = Receiver()
    let url = try await receiver.start()
    let scene = Scene(
      receiver: receiver, url: url, store: MemoryStore(), clock: TestClock(), folder: try TemporaryFolder())
    do {
      try await body(scene)
    } catch {
      await receiver.stop()
      throw error
    }
    await receiver.stop()
  }

  private static let stalled = Sample.report(Sample.object(.failed, message: "ErrImagePull", isStalled: true))
  private static let done = Sample.report(Sample.object(.done))

  @Test("notifications arrive in order, signed, each once")
  func delivery() async throws {
    try await withScene { scene in
      let secret = "\(scene.folder.path)/secret"
      try "of-the-receiver\n".write(toFile: secret, atomically: true, encoding: .utf8)
      try await scene.run([try scene.target(["secretFile": .string(secret)])]) { sender in
        await sender.commit(Self.stalled)
        await sender.commit(Self.stalled)
        await sender.commit(Self.done)
        await scene.received(2)
        await scene.delivered(sender)
      }
      #expect(scene.receiver.events == ["stalled", "done"])
      for request in scene.receiver.seen {
        #expect(request.method == "POST" && request.path == "/hook")
        #expect(request.headers["x-kdops-signature"]?.hasPrefix("sha256=") == true)
      }
    }
  }

  @Test("a receiver that is busy gets the same notification again, and later ones wait")
  func busy() async throws {
    try await withScene { scene in
      scene.receiver.answer(429, 503)
      try await scene.run { sender in
        await sender.commit(Self.stalled)
        await sender.commit(Self.done)
        #expect(await scene.pause() == Duration.seconds(30))
        scene.clock.advance(by: .seconds(30))
        await scene.received(2)
        let second = await scene.pause()
        #expect(isBetween(second, 1, 2))
        scene.clock.advance(by: .seconds(2))
        await scene.received(4)
        await scene.delivered(sender)
      }
      #expect(scene.receiver.events == ["stalled", "stalled", "stalled", "done"])
      #expect(Set(scene.receiver.seen.prefix(3).map { $0.headers["x-kdops-id"] }).count == 1)
    }
  }

  @Test("what is not delivered is sent by the next daemon; what was announced is not announced again")
  func restart() async throws {
    try await withScene { scene in
      // The second answer is for the attempt when the daemon stops.
      scene.receiver.answer(500, 500)
      try await scene.run { sender in
        await sender.commit(Self.stalled)
        _ = await scene.pause()
      }
      #expect(scene.receiver.events == ["stalled", "stalled"])
      // The clock of the next daemon does not have the sleepers of the former one.
      let next = Scene(
        receiver: scene.receiver, url: scene.url, store: scene.store, clock: TestClock(), folder: scene.folder
      )
      try await next.run { sender in
        await next.received(3)
        await sender.commit(Self.stalled)
        await sender.commit(Self.done)
        await next.received(4)
        await next.delivered(sender)
      }
      #expect(scene.receiver.events == ["stalled", "stalled", "stalled", "done"])
      #expect(scene.store.record?["outbox"] == [:])
    }
  }

  @Test("events before the record can be read are kept, and the record is not overwritten")
  func awayStore() async throws {
    try await withScene { scene in
      try await scene.store.write(
        NotificationRecord(outbox: ["bus": .array(try Self.stored())], ids: []).json)
      scene.store.fail(true)
      try await scene.run { sender in
        await sender.commit(Self.done)
        _ = await scene.pause()
        #expect(scene.receiver.seen.isEmpty)
        scene.store.fail(false)
        scene.clock.advance(by: .seconds(1))
        await scene.received(2)
        await scene.delivered(sender)
      }
      #expect(scene.receiver.events == ["stalled", "done"])
    }
  }

  private func isBetween(_ pause: Duration?, _ low: Int, _ high: Int) -> Bool {
    guard let pause else { return false }
    return pause >= .seconds(low) && pause <= .seconds(high)
  }

  private static func stored() throws -> [JSON] {
    var announcer = Announcer()
    return announcer.commit(stalled, now: Sample.now).map(\.json)
  }

  @Test("a target that refuses delays no other target")
  func twoTargets() async throws {
    try await withScene { scene in
      let missing = try scene.target([
        "name": "missing", "secretFile": .string("\(scene.folder.path)/missing"),
      ])
      try await scene.run([missing, try scene.target()]) { sender in
        await sender.commit(Self.stalled)
        await scene.received(1)
        #expect(await scene.pause() == NotificationSender.interventionInterval)
        while await sender.backlog > 1 { await Task.yield() }
        #expect(await sender.backlog == 1)
        // The next attempt reads the file again.
        try "of-the-receiver".write(
          toFile: "\(scene.folder.path)/missing", atomically: true, encoding: .utf8)
        scene.clock.advance(by: NotificationSender.interventionInterval)
        await scene.received(2)
        await scene.delivered(sender)
      }
    }
  }

  @Test("a notification that its receiver does not accept is dropped, and the next one is sent")
  func hopeless() async throws {
    try await withScene { scene in
      scene.receiver.answer(400)
      try await scene.run { sender in
        await sender.commit(Self.stalled)
        await sender.commit(Self.done)
        await scene.received(2)
        await scene.delivered(sender)
      }
      #expect(scene.receiver.events == ["stalled", "done"])
    }
  }

  @Test("a redirect is not followed")
  func redirect() async throws {
    try await withScene { scene in
      scene.receiver.answer(307, 307)
      try await scene.run { sender in
        await sender.commit(Self.stalled)
        #expect(await scene.pause() == NotificationSender.interventionInterval)
        #expect(scene.receiver.seen.count == 1)
        #expect(await sender.backlog == 1)
      }
    }
  }

  @Test("Slack's format is sent to the address in a file")
  func slack() async throws {
    try await withScene { scene in
      let file = "\(scene.folder.path)/url"
      try "\(scene.url)\n".write(toFile: file, atomically: true, encoding: .utf8)
      let target = try NotificationTarget(settings: [
        "name": "ops", "kind": "slack", "urlFile": .string(file),
      ])
      try await scene.run([target]) { sender in
        await sender.commit(Self.stalled)
        await scene.received(1)
        await scene.delivered(sender)
      }
      #expect(scene.receiver.seen.first?.body?["text"]?.string?.hasPrefix("✗ prod/shop stalled") == true)
    }
  }

  @Test("the store in a folder keeps the record, and reads a damaged one as none")
  func file() async throws {
    let folder = try TemporaryFolder()
    let store = OutboxFile(folder: folder.path)
    #expect(try await store.read() == .none)
    try await store.write(["schemaVersion": 1])
    let read = try await store.read()
    #expect(read?["schemaVersion"] == 1)
    try "{".write(toFile: "\(folder.path)/notifications.json", atomically: true, encoding: .utf8)
    #expect(try await store.read() == .none)
  }
}
