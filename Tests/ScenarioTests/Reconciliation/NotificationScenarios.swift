import Foundation
import Synchronization
import TestSupport
import Testing
import Values

@Suite("Notifications of the daemon", needsBubblewrap)
struct NotificationScenarios {
  /// A receiver that can be out of order.
  private final class Receiver: Sendable {
    private let state = Mutex((isAway: false, events: [String]()))

    var events: [String] { state.withLock { $0.events } }
    func setAway(_ isAway: Bool) { state.withLock { $0.isAway = isAway } }

    func answer(_ request: JSONServer.Request) -> JSONServer.Answer {
      state.withLock { state in
        if state.isAway { return JSONServer.Answer(503) }
        let object = request.body?["object"]?["name"]?.string ?? ""
        state.events.append("\(request.body?["event"]?.string ?? "") \(object)")
        return JSONServer.Answer(200)
      }
    }
  }

  @Test("changes are announced once, and what a killed daemon could not send, the next one sends")
  func restart() async throws {
    let receiver = Receiver()
    let server = try await JSONServer { receiver.answer($0) }
    let targets: JSON = [
      [
        "name": "bus", "kind": "webhook", "url": .string("http://127.0.0.1:\(server.port)/"),
        "on": ["done", "rejected"],
      ]
    ]
    let environment = ["KDOPS_NOTIFICATIONS": targets.text()]
    try await scenario(Fixture(.embedded, workers: 1), start: false) { scene in
      try await scene.start(environment: environment)
      try await scene.eventually("creation") { receiver.events.contains("done shop") ? true : nil }
      receiver.setAway(true)
      let commit = try scene.forge.push(scene.fixture.upgrade(), "Upgrade shop")
      try await scene.note(commit, phase: "done")
      try await scene.eventually("refusal in the log") {
        scene.logged("notification.later").isEmpty ? nil : true
      }
      try await scene.kill()
      receiver.setAway(false)
      try await scene.start(environment: environment)
      try await scene.eventually("end of the upgrade") {
        receiver.events == ["done shop", "done shop"] ? true : nil
      }
      let broken = try scene.forge.push(
        [Fixture.clusterPath("broken"): "kind: KubeDirectorCluster\nmetadata: {name: broken\n"],
        "Break a file")
      try await scene.note(broken, phase: "rejected")
      try await scene.eventually("rejection") { receiver.events.count == 3 ? true : nil }
      #expect(receiver.events.last?.hasPrefix("rejected ") == true)
    }
    await server.stop()
  }
}
