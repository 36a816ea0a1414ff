import ClusterAPI
import KubeDirector
import Reports
import Testing
import Values

@Suite("Connections of a cluster", needsBubblewrap)
struct ConnectionScenarios {
  private static let members = ["shop-worker-0", "shop-worker-1", "shop-gateway-0"]

  private static func shop(_ fixture: Fixture, _ connections: String?) -> String {
    fixture.cluster(app: "1.0.0", front: nil, connections: connections)
  }

  private static func files(_ fixture: Fixture, _ connections: String?) -> [String: String?] {
    var files = fixture.shop()
    files[Fixture.clusterPath("shop")] = shop(fixture, connections)
    return files
  }

  /// Creates a ConfigMap, or changes its content.
  private static func put(_ name: String, _ text: String, _ scene: Scene) async throws {
    try await scene.written { api in
      let content: JSON = ["data": ["text": .string(text)]]
      if try await scene.read(.configMaps, name) == nil {
        _ = try await api.create(
          Object(
            .configMaps, namespace: scene.fixture.namespace, name: name,
            labels: [Wire.Label.configMapType: "shop"], content: content))
      } else {
        _ = try await api.patch(.configMaps, scene.name(name), merge: content)
      }
    }
  }

  /// The connections as a member reads them.
  private static func connections(_ pod: String, _ scene: Scene) async throws -> JSON? {
    let text = try await scene.site.file("/etc/guestconfig/configmeta.json", in: scene.name(pod))
    return try text.map { try JSON.parse(Array($0.utf8)) }?["connections"]
  }

  private static func texts(_ pod: String, _ scene: Scene) async throws -> [String] {
    try await connections(pod, scene)?["configmaps"]?["shop"]?.array?.compactMap {
      $0["data"]?["text"]?.string
    }.sorted() ?? []
  }

  /// Waits until each member has received this number of notifications of the change and no others, and
  /// checks that none follow.
  private static func received(_ times: Int, _ scene: Scene) async throws {
    for pod in members {
      let version = pod.contains("gateway") ? "2.4" : "1.0"
      let all = ["configure \(version)"] + Array(repeating: "reconnect \(version)", count: times)
      try await scene.eventually("\(times) times --reconnect in \(pod)") {
        let events = try await scene.events(pod)
        guard events.count <= all.count else { throw TooLate(description: "\(pod) received \(events)") }
        let isOver = try await scene.runs(pod).allSatisfy { $0.ended != nil }
        return isOver && events == all ? true : nil
      }
    }
    try await scene.configured("1.0.0")
  }

  @Test(
    "if a ConfigMap changes, appears or goes, each member is notified once by --reconnect, with the new content in place",
    arguments: Backend.available)
  func configMap(_ backend: Backend) async throws {
    let fixture = Fixture(backend, workers: 2)
    try await scenario(fixture, Self.files(fixture, "{configmaps: [site, late]}"), start: false) { scene in
      try await Self.put("site", "one", scene)
      try await scene.start()
      try await scene.note(try scene.forge.first(), phase: "done")
      let before = try await scene.pods()
      // A member that is configured with it is not notified.
      try await Self.received(0, scene)
      #expect(try await Self.texts("shop-worker-0", scene) == ["one"])

      try await Self.put("site", "two", scene)
      try await Self.received(1, scene)
      for pod in Self.members { #expect(try await Self.texts(pod, scene) == ["two"], "\(pod)") }

      try await Self.put("late", "three", scene)
      try await Self.received(2, scene)
      for pod in Self.members { #expect(try await Self.texts(pod, scene) == ["three", "two"], "\(pod)") }

      try await scene.written { try await $0.delete(.configMaps, scene.name("site"), .none) }
      try await Self.received(3, scene)
      for pod in Self.members { #expect(try await Self.texts(pod, scene) == ["three"], "\(pod)") }
      try await staying(for: .seconds(1), "three words in all, and the same pods") {
        let (events, pods) = try await (scene.events("shop-worker-1"), scene.pods())
        return events.count == 4 && pods == before
      }
      let found = try await scene.announcements("ConnectionsChanged")
      #expect(
        found.contains { $0.contains("configmaps/site") } && found.contains { $0.contains("configmaps/late") }
      )
    }
  }

  @Test(
    "a commit that changes connections notifies each member once; so does a changed neighbour once it is configured",
    arguments: Backend.available)
  func commits(_ backend: Backend) async throws {
    let fixture = Fixture(backend, workers: 2, .init(version: "1.0", start: "500ms"))
    var files = Self.files(fixture, nil)
    func depot(_ workers: Int) -> String {
      fixture.cluster("depot", app: "1.0.0", workers: workers, front: nil)
    }
    files[Fixture.clusterPath("depot")] = depot(1)
    try await scenario(fixture, files, start: false) { scene in
      try await Self.put("site", "one", scene)
      try await scene.start()
      try await scene.note(try scene.forge.first(), phase: "done")
      let before = try await scene.pods()
      func push(_ connections: String?, _ message: String) throws -> String {
        try scene.forge.push([Fixture.clusterPath("shop"): Self.shop(fixture, connections)], message)
      }

      let connect = try push("{configmaps: [site], clusters: [depot]}", "Connect shop")
      let note = try await scene.note(connect, phase: "done")
      #expect(note.object("shop")?.change == .reconfigure)
      try await Self.received(1, scene)
      for pod in Self.members {
        #expect(try await Self.texts(pod, scene) == ["one"], "\(pod)")
        #expect(try await Self.workers(pod, scene) == 1, "\(pod)")
      }

      let grow = try scene.forge.push([Fixture.clusterPath("depot"): depot(2)], "Grow depot")
      try await scene.note(grow, phase: "done")
      try await Self.received(2, scene)
      for pod in Self.members { #expect(try await Self.workers(pod, scene) == 2, "\(pod)") }
      #expect(try await scene.events("depot-worker-0") == ["configure 1.0", "addnodes 1.0"])

      let part = try push(nil, "Leave shop to itself")
      try await scene.note(part, phase: "done")
      try await Self.received(3, scene)
      for pod in Self.members {
        let connections = try await Self.connections(pod, scene)
        #expect(connections?["configmaps"]?.object?.isEmpty == true, "\(pod)")
        #expect(connections?["clusters"]?.object?.isEmpty == true, "\(pod)")
      }
      // A change of a ConfigMap that is no longer connected has no effect.
      try await Self.put("site", "two", scene)
      let shrink = try scene.forge.push([Fixture.clusterPath("depot"): depot(1)], "Shrink depot")
      try await scene.note(shrink, phase: "done")
      try await Self.received(3, scene)
      #expect(try await scene.pods() == before)
    }
  }

  @Test(
    "a commit that connects a changing neighbour is reported as waiting, can be reverted, and ends when that has settled",
    arguments: Backend.available)
  func unsettledNeighbour(_ backend: Backend) async throws {
    let fixture = Fixture(backend, workers: 2, .init(version: "1.0", start: "500ms"))
    var files = Self.files(fixture, nil)
    files[Fixture.clusterPath("depot")] = fixture.cluster("depot", app: "1.0.0", workers: 1, front: nil)
    try await scenario(fixture, files) { scene in
      try await scene.note(try scene.forge.first(), phase: "done")
      let bad = try scene.forge.push(
        [
          Fixture.appPath("1.1.0"): fixture.app("1.1.0", tag: "9.9.9"),
          Fixture.clusterPath("depot"): fixture.cluster("depot", app: "1.1.0", workers: 1, front: nil),
        ], "Upgrade depot to an image that does not exist")
      try await scene.note(bad, phase: "failed")
      func push(_ connections: String?, _ message: String) throws -> String {
        try scene.forge.push([Fixture.clusterPath("shop"): Self.shop(fixture, connections)], message)
      }
      func waits(_ commit: String) async throws {
        let note = try await scene.note(commit, "waiting for depot") { $0.object("shop")?.message != nil }
        #expect(note.phase == "pending")
        #expect(
          note.object("shop")?.message
            == "the last change is not done; members are notified of clusters/depot when it is configured")
        let status = try await scene.status()
        #expect(status?.state == .configured)
        #expect(status?.condition(.progressing)?.reason == "WaitingForConnections")
      }

      let early = try push("{clusters: [depot]}", "Connect shop")
      try await waits(early)
      let part = try push(nil, "Leave shop to itself")
      try await scene.note(part, phase: "done")
      try await Self.received(0, scene)

      let connect = try push("{clusters: [depot]}", "Connect shop again")
      try await waits(connect)
      let revert = try scene.forge.revert(bad)
      try await scene.note(revert, phase: "done")
      try await scene.note(connect, phase: "done")
      try await Self.received(1, scene)
      for pod in Self.members { #expect(try await Self.workers(pod, scene) == 1, "\(pod)") }
    }
  }

  @Test("members are notified when a neighbour is pruned, and when it returns and is configured")
  func prunedNeighbour() async throws {
    let fixture = Fixture(.embedded, workers: 2, .init(version: "1.0", start: "500ms"))
    var files = Self.files(fixture, nil)
    files[Fixture.clusterPath("depot")] = fixture.cluster("depot", app: "1.0.0", workers: 1, front: nil)
    try await scenario(fixture, files, start: false) { scene in
      try await scene.start(environment: ["KDOPS_PRUNE": "true"])
      try await scene.note(try scene.forge.first(), phase: "done")
      let before = try await scene.pods()
      try scene.forge.push(
        [Fixture.clusterPath("shop"): Self.shop(fixture, "{clusters: [depot]}")], "Connect shop")
      try await Self.received(1, scene)
      let commit = try scene.forge.push([Fixture.clusterPath("depot"): nil], "Close the depot")
      try await scene.note(commit, phase: "done")
      try await Self.received(2, scene)
      for pod in Self.members { #expect(try await Self.workers(pod, scene) == nil, "\(pod)") }
      let revert = try scene.forge.revert(commit)
      try await scene.note(revert, phase: "done")
      try await Self.received(3, scene)
      for pod in Self.members { #expect(try await Self.workers(pod, scene) == 1, "\(pod)") }
      #expect(try await scene.pods() == before)
    }
  }

  /// The number of the neighbour's workers that a member knows.
  private static func workers(_ pod: String, _ scene: Scene) async throws -> Int? {
    let depot = try await connections(pod, scene)?["clusters"]?["depot"]
    return depot?["nodegroups"]?["1"]?["roles"]?["worker"]?["node_ids"]?.array?.count
  }
}
