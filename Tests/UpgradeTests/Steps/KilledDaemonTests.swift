import KubeDirector
import Testing
import Upgrade

@Suite("A daemon that is killed at every write")
struct KilledDaemonTests {
  static let start = UpgradingTests.settled(
    [
      .init(id: "a"), .init(id: "b", members: 3, hasStorage: true),
      .init(id: "c", members: 2, hasPackage: false),
    ],
    tags: ["a": "1.1", "b": "1.1", "c": "1.1"])

  @Test("reaches the same end of an upgrade, with each script once in its container")
  func upgrade() {
    var clean = Self.start
    clean.commit(app: "app-1.1")
    let count = clean.writesUntilRest()
    #expect(count > 20)
    for writes in 0..<count {
      var stage = Self.start
      stage.commit(app: "app-1.1")
      stage.daemon.life = writes
      stage.settle()
      Self.expectSameEnd(stage, clean, "killed after \(writes) of \(count) writes")
    }
  }

  @Test("reaches the same end of a rollback, with each script once in its container")
  func rollback() {
    var stuck = Self.start
    stuck.commit(app: "app-1.1")
    stuck.settle { $0.member("b-2")?.upgrade?.done == true }
    stuck.badImages = ["b:1.1"]
    stuck.settle()
    var clean = stuck
    clean.commit(app: "app-1.0")
    let count = clean.writesUntilRest()
    #expect(count > 20)
    for writes in 0..<count {
      var stage = stuck
      stage.commit(app: "app-1.0")
      stage.daemon.life = writes
      stage.settle()
      Self.expectSameEnd(stage, clean, "killed after \(writes) of \(count) writes")
    }
  }

  @Test("reaches the same end of a creation and a resize")
  func membership() {
    var clean = Stage([.init(id: "a", services: ["http"]), .init(id: "b", members: 2)])
    clean.settle()
    clean.commit(members: 3, of: "a")
    let count = clean.writesUntilRest()
    for writes in 0..<count {
      var stage = Stage([.init(id: "a", services: ["http"]), .init(id: "b", members: 2)])
      stage.daemon.life = writes
      stage.settle()
      stage.commit(members: 3, of: "a")
      stage.daemon.life = writes
      stage.settle()
      Self.expectSameEnd(stage, clean, "killed after \(writes) of \(count) writes")
    }
  }

  static func expectSameEnd(_ stage: Stage, _ clean: Stage, _ when: Comment) {
    #expect(stage.status?.state == .configured, when)
    #expect(stage.status?.app == clean.status?.app, when)
    #expect(stage.pods.mapValues(\.image) == clean.pods.mapValues(\.image), when)
    #expect(stage.sets.mapValues(\.strategy) == clean.sets.mapValues(\.strategy), when)
    #expect(stage.services == clean.services, when)
    #expect(stage.status?.members.map(\.nodeID) == clean.status?.members.map(\.nodeID), when)
    #expect(stage.scriptsByPod == clean.scriptsByPod, when)
    #expect(stage.violations == [], when)
  }
}

extension Stage {
  /// The scripts that were actually started, by pod, in the order of its containers.
  var scriptsByPod: [String: [String]] {
    var scripts: [String: [String]] = [:]
    for container in containers.values.sorted(by: { $0.number < $1.number }) {
      scripts[container.pod, default: []] += ["in \(container.image)"]
      scripts[container.pod, default: []] += container.starts.sorted { $0.key < $1.key }.map {
        "\($0.key) × \($0.value)"
      }
    }
    return scripts
  }

  /// Settles, and returns the number of writes.
  mutating func writesUntilRest() -> Int {
    let plenty = 10_000
    daemon.life = plenty
    settle()
    defer { daemon.life = nil }
    return plenty - (daemon.life ?? 0)
  }
}
