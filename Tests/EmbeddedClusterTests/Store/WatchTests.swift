import ClusterAPI
import KubeDirector
import Testing
import Values

@testable import EmbeddedCluster

@Suite("Watches")
struct WatchTests {
  /// The next events as `+name`, `~name` or `-name`, without bookmarks.
  private static func events(_ stream: AsyncThrowingStream<WatchEvent, any Error>, _ count: Int) async throws
    -> [String]
  {
    var seen: [String] = []
    for try await event in stream {
      switch event {
      case .added(let object): seen.append("+\(object.name)")
      case .modified(let object): seen.append("~\(object.name)")
      case .deleted(let object): seen.append("-\(object.name)")
      case .bookmark: continue
      }
      if seen.count == count { break }
    }
    return seen
  }

  private static func service(_ name: String, _ labels: [String: String] = [:]) -> Object {
    Object(.services, namespace: "default", name: name, labels: labels)
  }

  private static func label(_ fixture: ClusterFixture, _ name: String, _ value: JSON) async throws {
    _ = try await fixture.cluster.patch(
      .services, ClusterFixture.name(name), merge: ["metadata": ["labels": ["x": value]]])
  }

  @Test("report what happened after a version, and then new events")
  func replay() async throws {
    try await ClusterFixture.with(runs: false) { fixture in
      _ = try await fixture.cluster.create(Self.service("a"))
      let list = try await fixture.cluster.list(.services, namespace: nil, labels: .everything)
      _ = try await fixture.cluster.create(Self.service("b"))
      _ = try await fixture.cluster.create(Object(.events, namespace: "default", name: "other-kind"))
      let stream = fixture.cluster.watch(
        .services, namespace: nil, labels: .everything, after: list.resourceVersion)
      try await Self.label(fixture, "a", "1")
      try await fixture.cluster.delete(.services, ClusterFixture.name("b"), .none)
      #expect(try await Self.events(stream, 3) == ["+b", "~a", "-b"])
    }
  }

  @Test("report an object as added when it begins to match, and as deleted when it no longer does")
  func selector() async throws {
    try await ClusterFixture.with(runs: false) { fixture in
      let stream = fixture.cluster.watch(.services, namespace: "default", labels: ["x": "1"], after: "0")
      _ = try await fixture.cluster.create(Self.service("a"))
      try await Self.label(fixture, "a", "1")
      _ = try await fixture.cluster.patch(
        .services, ClusterFixture.name("a"), merge: ["metadata": ["labels": ["y": "2"]]])
      try await Self.label(fixture, "a", .null)
      try await Self.label(fixture, "a", "1")
      try await fixture.cluster.delete(.services, ClusterFixture.name("a"), .none)
      #expect(try await Self.events(stream, 5) == ["+a", "~a", "-a", "+a", "-a"])
    }
  }

  @Test("report a deleted object with its last state and the version of its deletion")
  func deletion() async throws {
    try await ClusterFixture.with(runs: false) { fixture in
      let created = try await fixture.cluster.create(Self.service("a", ["x": "1"]))
      let stream = fixture.cluster.watch(
        .services, namespace: nil, labels: .everything, after: created.resourceVersion)
      try await fixture.cluster.delete(.services, ClusterFixture.name("a"), .none)
      var last: Object?
      for try await case .deleted(let object) in stream {
        last = object
        break
      }
      #expect(last?.label("x") == "1")
      #expect(last?.resourceVersion == "2")
    }
  }

  @Test("end with .gone if they ask for events older than the kept ones")
  func gone() async throws {
    var options = EmbeddedCluster.Options()
    options.eventWindow = 4
    try await ClusterFixture.with(options: options, runs: false) { fixture in
      for number in 0..<20 { _ = try await fixture.cluster.create(Self.service("a\(number)")) }
      await fixture.expect(.gone) {
        _ = try await Self.events(
          fixture.cluster.watch(.services, namespace: nil, labels: .everything, after: "15"), 1)
      }
      let recent = fixture.cluster.watch(.services, namespace: nil, labels: .everything, after: "16")
      #expect(try await Self.events(recent, 4) == ["+a16", "+a17", "+a18", "+a19"])
      await fixture.expect(.gone) {
        _ = try await Self.events(
          fixture.cluster.watch(.services, namespace: nil, labels: .everything, after: "99"), 1)
      }
      await fixture.expect(.invalid) {
        _ = try await Self.events(
          fixture.cluster.watch(.services, namespace: nil, labels: .everything, after: "x"), 1)
      }
    }
  }

  @Test("report all events to a slow reader up to a point in order, then .gone")
  func tooSlow() async throws {
    var options = EmbeddedCluster.Options()
    options.watchBacklog = 5
    try await ClusterFixture.with(options: options, runs: false) { fixture in
      let stream = fixture.cluster.watch(.services, namespace: nil, labels: .everything, after: "0")
      for number in 0..<10 { _ = try await fixture.cluster.create(Self.service("a\(number)")) }
      var seen: [String] = []
      await fixture.expect(.gone) {
        for try await event in stream { if case .added(let object) = event { seen.append(object.name) } }
      }
      // The first place of the backlog went to the bookmark that ends the past.
      #expect(seen == ["a0", "a1", "a2", "a3"])
    }
  }

  @Test("send bookmarks, so that a watch with few events stays inside the window")
  func bookmarks() async throws {
    var options = EmbeddedCluster.Options()
    options.eventWindow = 8
    try await ClusterFixture.with(options: options, runs: false) { fixture in
      let stream = fixture.cluster.watch(.pods, namespace: nil, labels: .everything, after: "0")
      for number in 0..<20 { _ = try await fixture.cluster.create(Self.service("a\(number)")) }
      var versions: [Int] = []
      for try await case .bookmark(let version) in stream {
        versions.append(Int(version) ?? 0)
        if versions.count == 4 { break }
      }
      #expect(versions == [0, 3, 6, 9])
    }
  }

  @Test("continue from a list between many writers, and report each object once")
  func listThenWatch() async throws {
    try await ClusterFixture.with(runs: false) { fixture in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<200 {
          group.addTask { _ = try await fixture.cluster.create(Self.service("a\(number)")) }
        }
        for _ in 0..<20 {
          group.addTask {
            let list = try await fixture.cluster.list(.services, namespace: nil, labels: .everything)
            var names = list.items.map(\.name)
            if names.count < 200 {
              names += try await Self.events(
                fixture.cluster.watch(
                  .services, namespace: nil, labels: .everything, after: list.resourceVersion),
                200 - names.count
              ).map { String($0.dropFirst()) }
            }
            #expect(Set(names).count == 200 && names.count == 200)
          }
        }
        try await group.waitForAll()
      }
    }
  }
}
