import KubeDirector
import Reports
import Testing

@Suite("Adding and removing roles", needsBubblewrap)
struct RoleScenarios {
  private static let others = ["shop-worker-0", "shop-worker-1", "shop-gateway-0"]

  private static func file(_ fixture: Fixture, front: Int?) -> [String: String?] {
    [Fixture.clusterPath("shop"): fixture.cluster(app: "1.0.0", front: front)]
  }

  /// The notifications that a member has received about others.
  private static func news(_ pod: String, _ scene: Scene) async throws -> [String] {
    try await scene.runs(pod).filter { $0.event != "configure" }.map { "\($0.event) \($0.arguments)" }
  }

  private static func news(_ event: String, _ role: String, _ pods: String..., at scene: Scene) -> String {
    let domain =
      "\(DerivedNames.headlessService(cluster: "shop")).\(scene.fixture.namespace).svc.cluster.local"
    let names = pods.map { "\($0).\(domain)" }.joined(separator: ",")
    return "\(event) --role \(role) --fqdns \(names) --nodegroup 1"
  }

  @Test(
    "a role added by a commit is configured, one removed is deleted; other members are notified of each once",
    arguments: Backend.available)
  func addedAndRemoved(_ backend: Backend) async throws {
    // A new role takes its time, so that an early note would be noticed.
    let fixture = Fixture(backend, workers: 2, .init(version: "1.0", start: "700ms"))
    var files = fixture.shop()
    files.merge(Self.file(fixture, front: nil)) { $1 }
    try await scenario(fixture, files) { scene in
      try await scene.configured("1.0.0")
      let before = try await scene.pods()
      #expect(before.keys.sorted() == Self.others.sorted())

      let add = try scene.forge.push(Self.file(fixture, front: 2), "Add the front")
      let added = try await scene.note(add, phase: "done")
      #expect(added.object("shop")?.change == .resize)
      let came = Self.news("addnodes", "front", "shop-front-0", "shop-front-1", at: scene)
      for pod in Self.others { #expect(try await Self.news(pod, scene) == [came], "\(pod)") }
      for pod in ["shop-front-0", "shop-front-1"] {
        #expect(try await scene.events(pod) == ["configure 1.0"], "\(pod)")
      }
      let status = try #require(try await scene.status())
      #expect(status.state == .configured)
      #expect(status.role("front")?.members.map(\.state) == [.configured, .configured])
      let ids = status.members.map(\.nodeID)
      #expect(try await scene.names(.services).contains { $0.contains("front-1") })
      try await scene.eventually("status file that knows of it") {
        scene.forge.statusFile(scene.name("shop"))?.roles.contains { $0.id == "front" } == true ? true : nil
      }

      let remove = try scene.forge.push(Self.file(fixture, front: nil), "Remove the front")
      let removed = try await scene.note(remove, phase: "done")
      #expect(removed.object("shop")?.change == .resize)
      #expect(try await scene.pods() == before)
      let went = Self.news("delnodes", "front", "shop-front-0", "shop-front-1", at: scene)
      for pod in Self.others { #expect(try await Self.news(pod, scene) == [came, went], "\(pod)") }
      try await scene.eventually("end of what the role had") {
        let (sets, services) = try await (scene.names(.statefulSets), scene.names(.services))
        let isForgotten = try await scene.status()?.role("front") == nil
        return isForgotten && !(sets + services).contains { $0.contains("front") } ? true : nil
      }
      try await scene.eventually("status file that has forgotten it") {
        scene.forge.statusFile(scene.name("shop"))?.roles.contains { $0.id == "front" } == false ? true : nil
      }

      // The same role, added again, is a new one: all others are notified of its member.
      let again = try scene.forge.push(Self.file(fixture, front: 1), "Add the front again")
      try await scene.note(again, phase: "done")
      let back = Self.news("addnodes", "front", "shop-front-0", at: scene)
      for pod in Self.others { #expect(try await Self.news(pod, scene) == [came, went, back], "\(pod)") }
      #expect(try await scene.events("shop-front-0") == ["configure 1.0"])
      let front = try await scene.status()?.role("front")?.members.first
      #expect(ids.contains(front?.nodeID ?? 0) == false)
      try await scene.mustHaveRunOnce(Self.others)
    }
  }

  @Test("a role added while an upgrade runs waits for its end, and starts with the new app")
  func addedDuringUpgrade() async throws {
    let fixture = Fixture(.embedded, workers: 2, .init(version: "1.1", hook: "1"))
    var files = fixture.shop()
    files.merge(Self.file(fixture, front: nil)) { $1 }
    try await scenario(fixture, files) { scene in
      try await scene.configured("1.0.0")
      var change = fixture.upgrade()
      change[Fixture.clusterPath("shop")] = fixture.cluster(app: "1.1.0", front: nil)
      let commit = try scene.forge.push(change, "Upgrade shop")
      try await scene.eventually("script that runs") {
        try await scene.runs("shop-worker-1").contains { $0.event == "pod_upgraded" } ? true : nil
      }
      let add = try scene.forge.push(
        [Fixture.clusterPath("shop"): fixture.cluster(app: "1.1.0", front: 1)], "Add the front")
      let waiting = try await scene.note(add, phase: "waiting")
      #expect(waiting.object("shop")?.rules == ["cluster/busy"])
      try await scene.note(add, phase: "done")
      #expect(scene.forge.note(commit)?.phase == "done")
      #expect(try await scene.events("shop-front-0") == ["configure 1.1"])
      for pod in ["shop-worker-0", "shop-worker-1"] {
        #expect(
          try await scene.events(pod) == ["configure 1.0", "pod_upgraded 1.1", "addnodes 1.1"], "\(pod)")
      }
      #expect(try await scene.events("shop-gateway-0") == ["configure 2.4", "addnodes 2.4"])
    }
  }

  /// The cluster with the role `front`, or with the role `cache`, which has storage, in its place.
  private static func swapped(_ fixture: Fixture, cache: Bool) -> String {
    let file = fixture.cluster(app: "1.0.0", front: cache ? nil : 1)
    guard cache else { return file }
    let resources = "{limits: {cpu: 500m, memory: 64Mi}, requests: {cpu: 2m, memory: 8Mi}}"
    return file.replacing(
      "  roles:\n",
      with: "  roles:\n    - {id: cache, members: 1, resources: \(resources), storage: {size: 1Gi}}\n")
  }

  @Test(
    "replacing one role by another, and back by revert: new members get no event of removed ones; volumes stay"
  )
  func swap() async throws {
    let fixture = Fixture(.embedded, workers: 1)
    var files = fixture.shop()
    files[Fixture.appPath("1.0.0")] = fixture.app("1.0.0").replacing(
      "{\"id\": \"front\",",
      with:
        "{\"id\": \"cache\", \"cardinality\": \"0+\", \"imageRepoTag\": \"\(fixture.image("1.0.0"))\"}, {\"id\": \"front\","
    ).replacing("[\"worker\", \"front\"", with: "[\"worker\", \"cache\", \"front\"")
    try await scenario(fixture, files) { scene in
      try await scene.configured("1.0.0")
      let swap = try scene.forge.push(
        [Fixture.clusterPath("shop"): Self.swapped(fixture, cache: true)], "A cache for the front")
      let note = try await scene.note(swap, phase: "done")
      #expect(note.object("shop")?.change == .resize)
      #expect(
        try await scene.pods().keys.sorted() == ["shop-cache-0", "shop-gateway-0", "shop-worker-0"])
      #expect(try await scene.events("shop-cache-0") == ["configure 1.0"])
      let came = Self.news("addnodes", "cache", "shop-cache-0", at: scene)
      let went = Self.news("delnodes", "front", "shop-front-0", at: scene)
      for pod in ["shop-worker-0", "shop-gateway-0"] {
        #expect(try await Self.news(pod, scene).sorted() == [came, went], "\(pod)")
      }
      // Once the role is deleted its member can be created again.
      try await scene.eventually("end of the front") {
        try await scene.status()?.role("front") == nil ? true : nil
      }
      let revert = try scene.forge.revert(swap)
      try await scene.note(revert, phase: "done")
      #expect(
        try await scene.pods().keys.sorted() == ["shop-front-0", "shop-gateway-0", "shop-worker-0"])
      #expect(try await scene.list(.volumeClaims, .everything).contains { $0.name == "p-shop-cache-0" })
      try await scene.mustHaveRunOnce(["shop-worker-0", "shop-gateway-0", "shop-front-0"])
    }
  }
}
