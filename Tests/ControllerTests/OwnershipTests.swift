import ClusterAPI
import EmbeddedCluster
import KubeDirector
import Logging
import TestSupport
import Testing
import Upgrade
import Values

@testable import Controller

@Suite("What belongs to somebody else")
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
      apps: ["spark-1.0.0": Fixture.app()], sets: [:])
  }

  private func place(_ resource: Resource, _ name: ObjectName, owners: [OwnerReference] = []) async throws {
    let like = resource == .services ? Fixture.builder().headless() : try Fixture.set("controller")
    _ = try await api.create(
      Object(
        resource, namespace: name.namespace, name: name.name, labels: like.labels, owners: owners,
        content: ["spec": like.json["spec"] ?? [:]]))
  }

  /// A cluster of another name, which is there and so keeps what it owns.
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

  @Test("is not taken over: a service with the name of a member's is an error that says so")
  func strangersService() async throws {
    try await place(.services, Self.service, owners: [try await stranger()])
    let error = try #require(await failure(of: Self.create))
    #expect(error.kind == .other)
    #expect(
      error.message
        == "Service prod/analytics-controller-0 exists already and belongs to another owner; "
        + "remove it or rename the cluster")
  }

  @Test("is not taken over where it has no owner at all, either")
  func nobodysService() async throws {
    try await place(.services, ObjectName(namespace: "prod", name: "analytics"))
    #expect(await failure(of: .createHeadlessService)?.kind == .other)
  }

  @Test("does not include what the cluster made before: creating it again is no error")
  func ownService() async throws {
    #expect(await failure(of: Self.create) == nil)
    let before = try await api.get(.services, Self.service)
    #expect(await failure(of: Self.create) == nil)
    #expect(try await api.get(.services, Self.service).uid == before.uid)
  }

  @Test("differs from what is our own and out of date: that is made as it should be")
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
    let mended = try await api.get(.services, Self.service)
    #expect(mended.uid == made.uid)
    #expect(mended.json["spec"]?["type"] == "NodePort")
  }

  @Test("includes a set without members: growing again makes it anew, as git has it by now")
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
    changed.sets = [old.name: old]
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

  @Test("includes no set of another shape, though the cluster owns it: that is left as it is")
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

  @Test("is waited for where a deleted cluster of the same name left it")
  func formerCluster() async throws {
    var former = context.owner
    former.uid = "c-0"
    try await place(.services, Self.service, owners: [former])
    #expect(await failure(of: Self.create)?.kind == .conflict)
  }

  @Test("is left alone when the cluster's own would be deleted")
  func leftAlone() async throws {
    let stranger = try await stranger()
    try await place(.services, Self.service, owners: [stranger])
    try await place(.statefulSets, Self.set, owners: [stranger])
    #expect(await failure(of: .deleteMemberService(name: Self.service.name)) == nil)
    #expect(await failure(of: .deleteSet(role: "controller")) == nil)
    #expect(try await api.get(.services, Self.service).owners == [stranger])
    #expect(try await api.get(.statefulSets, Self.set).owners == [stranger])
  }

  @Test("does not keep the cluster from deleting its own")
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

  @Test("is no matter where the object is gone already")
  func gone() async {
    #expect(await failure(of: .deleteMemberService(name: "analytics-worker-9")) == nil)
  }
}
