import ClusterAPI
import KubeDirector
import Rules
import Synchronization
import TestSupport
import Testing
import Values

@testable import Reconciler

@Suite("Pruning of clusters whose file is deleted", .timeLimit(.minutes(10)))
struct PruningTests {
  private static let pruning = Reconciler.Settings(policy: Policy(prune: true))

  @Test("keeps and reports the clusters while pruning is off, also after a restart")
  func orphans() async throws {
    let site = try Site()
    let recorder = Shared<String?>(nil)
    try await ReconcilerFixture.open(Files.shops("shop", "depot"), at: site) { fixture in
      await fixture.cluster("shop")
      let commit = try await fixture.push(["clusters/shop.yaml": nil])
      let report = await fixture.report(commit, "shop")
      #expect(report?.verdict == .orphaned)
      #expect(report?.message == "kept running: its file is gone, and pruning is off")
      await fixture.reconciled(commit)
      recorder.value = commit
    }
    try await ReconcilerFixture.open(at: site) { fixture in
      let commit = try #require(recorder.value)
      await fixture.reconciled(commit)
      #expect(await fixture.object(.clusters, "shop") != nil)
      await until {
        await fixture.reconciler.blocked.contains { $0.key.name == "shop" && $0.value.verdict == .orphaned }
          ? true : nil
      }
    }
  }

  @Test("deletes the clusters with pruning on, and updates the note when they are gone")
  func pruned() async throws {
    try await ReconcilerFixture.open(Files.shops("shop", "depot"), settings: Self.pruning) { fixture in
      try await fixture.engine("shop")
      try await fixture.engine("depot")
      let commit = try await fixture.push(["clusters/shop.yaml": nil])
      let report = await fixture.report(commit, "shop") { $0.phase == .done }
      #expect(report?.change == .delete)
      #expect(report?.verdict == .accepted)
      #expect(await fixture.object(.clusters, "shop") == nil)
      #expect(await fixture.object(.clusters, "depot") != nil)
    }
  }

  private static let asking = Files.cluster(
    "shop", "1.0.0", "annotations: {kdops.dev/delete-volumes: \"true\"}")

  /// A claim of a member, as its StatefulSet would have created it.
  private static func claim(_ name: String, of cluster: String, in fixture: ReconcilerFixture) async throws {
    _ = try await fixture.store.create(
      Object(
        .volumeClaims, namespace: "default", name: name, labels: [Wire.Label.cluster: cluster],
        content: ["spec": [:]]))
  }

  @Test(
    "keeps volumes unless the file asked for their deletion; edits of the live object do not count",
    arguments: [(true, false), (false, false), (false, true)])
  func volumes(isAsked: Bool, isEdited: Bool) async throws {
    var files = Files.shops("shop", "depot")
    if isAsked { files["clusters/shop.yaml"] = Self.asking }
    try await ReconcilerFixture.open(files, settings: Self.pruning) { fixture in
      let shop = try await fixture.engine("shop")
      try await fixture.engine("depot")
      try await Self.claim("p-shop-worker-0", of: "shop", in: fixture)
      try await Self.claim("p-depot-worker-0", of: "depot", in: fixture)
      if isEdited {
        // The live object was edited to delete the claim with the cluster; this is corrected too.
        let owner: JSON = [
          "apiVersion": .string(shop.apiVersion), "kind": .string(shop.kind), "name": "shop",
          "uid": .string(shop.uid),
        ]
        let name = ObjectName(namespace: "default", name: "p-shop-worker-0")
        let merge: JSON = ["metadata": ["ownerReferences": [owner]]]
        _ = try await fixture.store.patch(.volumeClaims, name, merge: merge)
      }
      let commit = try await fixture.push(["clusters/shop.yaml": nil])
      await fixture.report(commit, "shop") { $0.phase == .done }
      let owners = await fixture.object(.volumeClaims, "p-shop-worker-0")?.owners
      #expect(owners?.map(\.uid) == (isAsked ? [shop.uid] : []))
      #expect(await fixture.object(.volumeClaims, "p-depot-worker-0")?.owners == [])
    }
  }

  @Test("does not delete an adopted cluster whose claims it may not read: they would be deleted with it")
  func adoptedClaims() async throws {
    let forbidden = ForbiddenClaimsAPI()
    try await ReconcilerFixture.open(
      Files.shops("shop", "depot"), settings: Self.pruning, wrap: { forbidden.placed(before: $0) }
    ) { fixture in
      try await fixture.engine("depot")
      var shop = try await fixture.engine("shop")
      shop.json["status"]?["adopted"] = ["headlessService": "kdhs-2b7qd", "app": "web-1.0.0"]
      _ = try await fixture.store.updateStatus(shop)
      let commit = try await fixture.push(["clusters/shop.yaml": nil])
      let report = await fixture.report(commit, "shop") { $0.verdict == .waiting }
      #expect(report?.message?.contains("persistentvolumeclaims") == true)
      #expect(await fixture.object(.clusters, "shop") != nil)
    }
  }

  @Test("waits for approval of a commit that would delete every cluster")
  func all() async throws {
    try await ReconcilerFixture.open(Files.shops("shop"), settings: Self.pruning) { fixture in
      try await fixture.engine("shop")
      let commit = try await fixture.push(["clusters/shop.yaml": nil])
      let report = await fixture.report(commit, "shop")
      #expect(report?.verdict == .waiting)
      #expect(report?.rules == ["object/prune"])
      #expect(report?.message?.contains("this would delete every cluster, 1 in all") == true)
      #expect(report?.message?.contains("kdops sync --accept \(commit.prefix(7))") == true)
      #expect(await fixture.object(.clusters, "shop") != nil)

      #expect(await fixture.reconciler.accept("0000000") == false)
      #expect(await fixture.reconciler.accept(String(commit.prefix(7))))
      await fixture.report(commit, "shop") { $0.phase == .done }
      #expect(await fixture.object(.clusters, "shop") == nil)
    }
  }

  @Test("remembers an approval across a restart, and deletes the clusters that had to wait")
  func confirmedBefore() async throws {
    let site = try Site()
    try await ReconcilerFixture.open(Files.shops("shop", "depot"), at: site, settings: Self.pruning) {
      fixture in
      try await fixture.engine("shop")
      try await fixture.engine(
        "depot", .updating, upgrade: UpgradeInfo(isRollingBack: false, prevApp: "web-0.9.0", id: "u"))
      let commit = try await fixture.push(["clusters/shop.yaml": nil, "clusters/depot.yaml": nil])
      await fixture.report(commit, "shop") { $0.rules == ["object/prune"] }
      #expect(await fixture.reconciler.accept(commit))
      await fixture.report(commit, "shop") { $0.phase == .done }
      await fixture.report(commit, "depot") { $0.rules == ["cluster/busy"] }
    }
    try await ReconcilerFixture.open(at: site, settings: Self.pruning) { fixture in
      try await fixture.engine("depot")
      let isGone = await until { await fixture.object(.clusters, "depot") == nil ? true : nil }
      #expect(isGone == true)
    }
  }

  @Test("deletes clusters whose deletion is approved while it is being judged")
  func approvedMeanwhile() async throws {
    try await ReconcilerFixture.open(Files.shops("shop"), settings: Self.pruning) { fixture in
      try await fixture.engine("shop")
      await fixture.rest()
      let commit = try fixture.user.commit(["clusters/shop.yaml": nil])
      try fixture.user.push()
      await fixture.recorder.beforeNextReport { await fixture.reconciler.accept(commit) }
      await fixture.reconciler.sync()
      let isGone = await until { await fixture.object(.clusters, "shop") == nil ? true : nil }
      #expect(isGone == true)
    }
  }

  @Test("deletes nothing if the layout no longer matches the files or cannot be read")
  func layout() async throws {
    try await ReconcilerFixture.open(Files.shops("a", "b", "c"), settings: Self.pruning) { fixture in
      for name in ["a", "b", "c"] { try await fixture.engine(name) }
      let lost = try await fixture.push([".kdops.yaml": "clusters: [clusters/a.yaml, clusters/b.yaml]\n"])
      let report = await fixture.report(lost, "c")
      #expect(report?.verdict == .waiting)
      #expect(report?.message?.contains("its file clusters/c.yaml is still there") == true)
      let broken = try await fixture.push([".kdops.yaml": "clusters: 7\n", "clusters/a.yaml": nil])
      #expect(await fixture.report(broken, ".kdops.yaml")?.rules == ["layout/schema"])
      for name in ["a", "b", "c"] { #expect(await fixture.object(.clusters, name) != nil) }

      let corrected = try await fixture.push([
        ".kdops.yaml": nil, "clusters/a.yaml": Files.cluster("a", "1.0.0"),
      ])
      await fixture.reconciled(corrected)
      #expect(await fixture.reconciler.blocked.isEmpty)
    }
  }

  @Test("deletes nothing while a new file is broken, because it may contain the missing objects")
  func broken() async throws {
    try await ReconcilerFixture.open(Files.shops("a", "b", "c"), settings: Self.pruning) { fixture in
      for name in ["a", "b", "c"] { try await fixture.engine(name) }
      let commit = try await fixture.push(["clusters/a.yaml": nil, "clusters/eu/a.yaml": "kind: [\n"])
      let report = await fixture.report(commit, "a")
      #expect(report?.rules == ["object/prune"])
      #expect(report?.message?.contains("a new file that cannot be read may contain it") == true)
      await fixture.reconciled(commit)
      #expect(await fixture.object(.clusters, "a") != nil)
      try await fixture.push(["clusters/eu/a.yaml": nil])
      await until { await fixture.object(.clusters, "a") == nil ? true : nil }
    }
  }

  @Test("leaves objects where they are if the default namespace changes")
  func namespace() async throws {
    try await ReconcilerFixture.open(Files.shops("a", "b", "c"), settings: Self.pruning) { fixture in
      try await fixture.engine("a")
      let commit = try await fixture.push([".kdops.yaml": "defaultNamespace: elsewhere\n"])
      let report = await fixture.report(commit, "a") { $0.namespace == "default" }
      #expect(report?.rules == ["object/prune"])
      await fixture.reconciled(commit)
      #expect(await fixture.object(.clusters, "a") != nil)
    }
  }

  @Test("deletes a cluster after its running upgrade ends, and a stalled one at once")
  func upgrading() async throws {
    let upgrade = UpgradeInfo(isRollingBack: false, prevApp: "web-0.9.0", id: "u")
    try await ReconcilerFixture.open(Files.shops("a", "b", "c", "d"), settings: Self.pruning) { fixture in
      for name in ["b", "d"] { try await fixture.engine(name) }
      try await fixture.engine("a", .updating, upgrade: upgrade)
      try await fixture.engine("c", .updating, upgrade: upgrade, stalled: "c-worker-0: no such image")
      let commit = try await fixture.push(["clusters/a.yaml": nil, "clusters/c.yaml": nil])
      let report = await fixture.report(commit, "a")
      #expect(report?.rules == ["cluster/busy"])
      #expect(report?.message?.contains("it is deleted when that has ended") == true)
      await fixture.report(commit, "c") { $0.phase == .done }
      #expect(await fixture.object(.clusters, "a") != nil)
      try await fixture.engine("a")
      await fixture.report(commit, "a") { $0.phase == .done }
      #expect(await fixture.object(.clusters, "a") == nil)
    }
  }

  @Test("says how to resume a cluster that is suspended during its upgrade")
  func suspended() async throws {
    let upgrade = UpgradeInfo(isRollingBack: false, prevApp: "web-0.9.0", id: "u")
    try await ReconcilerFixture.open(Files.shops("a", "b"), settings: Self.pruning) { fixture in
      try await fixture.engine("b")
      try await fixture.engine("a", .updating, upgrade: upgrade, isSuspended: true)
      let commit = try await fixture.push(["clusters/a.yaml": nil])
      let message = await fixture.report(commit, "a")?.message
      #expect(message?.contains("which is suspended") == true, "\(message ?? "")")
      #expect(message?.contains("; resume it with kdops resume; if") == true, "\(message ?? "")")
    }
  }

  @Test(
    "reports a copy with the ownership label as orphaned, and never deletes it")
  func copied() async throws {
    try await ReconcilerFixture.open(Files.shops("shop", "depot"), settings: Self.pruning) { fixture in
      let shop = try await fixture.engine("shop")
      try await fixture.engine("depot")
      var copy = shop
      copy.json["metadata"] = [
        "name": "copy", "namespace": "default", "labels": JSON(shop.labels),
        "annotations": JSON(shop.annotations),
      ]
      copy.json["status"] = nil
      _ = try await fixture.store.create(copy)
      await fixture.cluster("copy")
      await fixture.reconciler.sync()
      let commit = try fixture.user.head()
      let report = await fixture.report(commit, "copy")
      #expect(report?.verdict == .orphaned)
      #expect(
        report?.message?.hasSuffix("delete it manually, or remove its label \(Wire.Label.source)") == true
      )
      await fixture.rest()
      #expect(await fixture.object(.clusters, "copy") != nil)
      // The copy does not count towards the limit of half the clusters either.
      try await fixture.push(["clusters/depot.yaml": nil])
      await until { await fixture.object(.clusters, "depot") == nil ? true : nil }
      #expect(await fixture.object(.clusters, "copy") != nil)
    }
  }

  @Test("releases an orphaned cluster whose ownership label is removed, and never deletes it")
  func released() async throws {
    let site = try Site()
    try await ReconcilerFixture.open(Files.shops("shop", "b", "c"), at: site) { fixture in
      for name in ["shop", "b", "c"] { try await fixture.engine(name) }
      let commit = try await fixture.push(["clusters/shop.yaml": nil])
      await fixture.report(commit, "shop") { $0.verdict == .orphaned }
      try await fixture.patch("shop", ["metadata": ["labels": [Wire.Label.source: .null]]])
      await fixture.reconciled(commit)
      #expect(await fixture.object(.clusters, "shop")?.label(Wire.Label.source) == nil)
    }
    try await ReconcilerFixture.open(at: site, settings: Self.pruning) { fixture in
      await fixture.reconciled(try fixture.user.head())
      #expect(await fixture.object(.clusters, "shop") != nil)
    }
  }
}

/// A value that is passed from one daemon's test to the next.
final class Shared<Value: Sendable>: Sendable {
  private let lock: Mutex<Value>
  init(_ value: Value) { lock = Mutex(value) }
  var value: Value {
    get { lock.withLock { $0 } }
    set { lock.withLock { $0 = newValue } }
  }
}

/// May not list volume claims.
private final class ForbiddenClaimsAPI: ForwardingAPI, @unchecked Sendable {
  override func list(_ resource: Resource, namespace: String?, labels: LabelSelector) async throws(APIError)
    -> ObjectList
  {
    if resource == .volumeClaims { throw APIError(.forbidden, "persistentvolumeclaims is forbidden") }
    return try await super.list(resource, namespace: namespace, labels: labels)
  }
}
