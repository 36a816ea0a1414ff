import ClusterAPI
import EmbeddedCluster
import KubeDirector
import Logging
import TestSupport
import Testing
import Upgrade
import Values

@testable import Controller

@Suite("An object of another owner")
struct OwnershipTests {
  private let folder: TemporaryFolder
  private let api: EmbeddedCluster
  private let executor: ActionExecutor
  private let context: ActionExecutor.Context

  private static let service = ObjectName(namespace: "prod", name: "analytics-controller-0")
  private static let set = ObjectName(namespace: "prod", name: "analytics-controller")

  init() async throws {
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    folder = try TemporaryFolder()
    api = try await EmbeddedCluster.open(
      directory: folder.path, sandbox: .noScripts, catalog: ImageCatalog([]), logger: logger)
    var cluster = Fixture.cluster()
    let live = try await api.create(
      Object(.clusters, namespace: "prod", name: "analytics", content: ["spec": cluster.spec.raw]))
    cluster.metadata.uid = live.uid
    executor = ActionExecutor(
      api: api, cache: ClusterCache(systemNamespace: "system", stamp: .forTests), settings: Engine.Settings(),
      logger: logger,
      eventRecorder: nil)
    context = ActionExecutor.Context(
      cluster: cluster, owner: OwnerReference(live), status: Fixture.status(),
      apps: ["spark-1.0.0": Fixture.app()], sets: [:], clusterDomain: "cluster.local", stamp: .forTests)
  }

  private func place(_ resource: Resource, _ name: ObjectName, owners: [OwnerReference] = []) async throws {
    let like = resource == .services ? Fixture.builder().headless() : try Fixture.set("controller")
    _ = try await api.create(
      Object(
        resource, namespace: name.namespace, name: name.name, labels: like.labels, owners: owners,
        content: ["spec": like.json["spec"] ?? [:]]))
  }

  /// The owner reference of another cluster, which exists and thus keeps its objects.
  private func stranger() async throws -> OwnerReference {
    OwnerReference(
      try await api.create(
        Object(.clusters, namespace: "prod", name: "other", content: ["spec": Fixture.cluster().spec.raw])))
  }

  private func failure(of action: Action) async -> APIError? {
    do throws(APIError) {
      try await executor.perform(action, in: context)
      return nil
    } catch {
      return error
    }
  }

  private static let create = Action.createMemberService(role: "controller", pod: service.name)

  @Test("is not adopted: a service with a member's name is an error that names the owner conflict")
  func strangersService() async throws {
    try await place(.services, Self.service, owners: [try await stranger()])
    let error = try #require(await failure(of: Self.create))
    #expect(error.kind == .other)
    #expect(
      error.message
        == "Service prod/analytics-controller-0 exists already and belongs to another owner; "
        + "remove it or rename the cluster")
  }

  @Test("is not adopted even if it has no owner")
  func nobodysService() async throws {
    try await place(.services, ObjectName(namespace: "prod", name: "analytics"))
    #expect(await failure(of: .createHeadlessService)?.kind == .other)
  }

  @Test("is not assumed for the cluster's own service: creating it again succeeds")
  func ownService() async throws {
    #expect(await failure(of: Self.create) == nil)
    let before = try await api.get(.services, Self.service)
    #expect(await failure(of: Self.create) == nil)
    #expect(try await api.get(.services, Self.service).uid == before.uid)
  }

  @Test("is not assumed for an outdated service of the cluster, which is updated")
  func outdatedService() async throws {
    #expect(await failure(of: Self.create) == nil)
    let made = try await api.get(.services, Self.service)
    var changed = context
    var spec = changed.cluster.spec.raw
    spec["serviceType"] = "NodePort"
    changed.cluster.spec = ClusterSpec(spec)
    let marks = [Self.service.name: made.annotation(ServiceAnnotation.mark) ?? ""]
    #expect(context.builder.outdated(marks, context.apps["spark-1.0.0"]).isEmpty)
    #expect(changed.builder.outdated(marks, changed.apps["spark-1.0.0"]) == [Self.service.name])
    try await executor.perform(Self.create, in: changed)
    let repaired = try await api.get(.services, Self.service)
    #expect(repaired.uid == made.uid)
    #expect(repaired.json["spec"]?["type"] == "NodePort")
  }

  @Test("is not assumed for an empty StatefulSet of the cluster, which is recreated for new members")
  func emptiedRole() async throws {
    var emptied = try Fixture.set("controller")
    emptied.json["spec"]?["replicas"] = 0
    emptied.json["metadata"]?["ownerReferences"] = nil
    let old = try await api.create(
      Object(
        .statefulSets, namespace: "prod", name: emptied.name, labels: emptied.labels,
        annotations: emptied.annotations, owners: [context.owner],
        content: ["spec": emptied.json["spec"] ?? [:]]))
    var changed = context
    changed.sets = [old.name: KnownSet(old, of: context.name.name)]
    var spec = changed.cluster.spec.raw
    var roles = spec["roles"]?.array ?? []
    roles[0]["storage"] = ["size": "5Gi"]
    spec["roles"] = .array(roles)
    changed.cluster.spec = ClusterSpec(spec)
    let goal = SetGoal(app: "spark-1.0.0", replicas: 1, strategy: .atRest)
    try await executor.perform(.apply(role: "controller", goal), in: changed)
    let new = try await api.get(.statefulSets, Self.set)
    #expect(new.uid != old.uid)
    #expect(new.json["spec"]?["replicas"] == 1)
    #expect(new.json["spec"]?["volumeClaimTemplates"]?.array?.count == 1)
  }

  @Test("is assumed for an incompatible StatefulSet even if the cluster owns it, and left unchanged")
  func foreignSet() async throws {
    var foreign = try Fixture.set("controller")
    foreign.json["spec"]?["selector"] = ["matchLabels": ["made-by": "another operator"]]
    foreign.json["spec"]?["template"]?["metadata"] = ["labels": ["made-by": "another operator"]]
    let before = try await api.create(
      Object(
        .statefulSets, namespace: "prod", name: foreign.name, owners: [context.owner],
        content: ["spec": foreign.json["spec"] ?? [:]]))
    let goal = SetGoal(app: "spark-1.0.0", replicas: 1, strategy: .atRest)
    let error = try #require(await failure(of: .apply(role: "controller", goal)))
    #expect(error.kind == .other)
    #expect(error.message.contains("StatefulSet analytics-controller was not made by kdops (selector)"))
    #expect(try await api.get(.statefulSets, Self.set) == before)
  }

  @Test("delays creation if it is left over from a deleted cluster of the same name")
  func formerCluster() async throws {
    var former = context.owner
    former.uid = "c-0"
    try await place(.services, Self.service, owners: [former])
    #expect(await failure(of: Self.create)?.kind == .conflict)
  }

  @Test("is not deleted with the cluster's own objects")
  func leftAlone() async throws {
    let stranger = try await stranger()
    try await place(.services, Self.service, owners: [stranger])
    try await place(.statefulSets, Self.set, owners: [stranger])
    #expect(await failure(of: .deleteMemberService(name: Self.service.name)) == nil)
    #expect(await failure(of: .deleteSet(role: "controller")) == nil)
    #expect(try await api.get(.services, Self.service).owners == [stranger])
    #expect(try await api.get(.statefulSets, Self.set).owners == [stranger])
  }

  @Test("does not prevent the deletion of the cluster's own objects")
  func deletesOwn() async throws {
    try await place(.services, Self.service, owners: [context.owner])
    try await place(.statefulSets, Self.set, owners: [context.owner])
    #expect(await failure(of: .deleteMemberService(name: Self.service.name)) == nil)
    #expect(await failure(of: .deleteSet(role: "controller")) == nil)
    for (resource, name) in [(Resource.services, Self.service), (.statefulSets, Self.set)] {
      let error = await #expect(throws: APIError.self) { try await api.get(resource, name) }
      #expect(error?.kind == .notFound)
    }
  }

  @Test("does not cause an error if the object is already gone")
  func gone() async {
    #expect(await failure(of: .deleteMemberService(name: "analytics-worker-9")) == nil)
  }
}
