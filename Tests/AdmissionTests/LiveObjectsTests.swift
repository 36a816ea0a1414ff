import ClusterAPI
import Diagnostics
import KubeDirector
import Rules
import TestSupport
import Testing
import Values

@testable import Admission

@Suite("The cache of live objects")
struct LiveObjectsTests {
  private func objects(_ api: MemoryAPI, _ namespaces: [String]? = nil) -> LiveObjects {
    LiveObjects(api: api, namespaces: namespaces, systemNamespace: "kdops-system")
  }

  /// Applies what a list of every scope would return.
  private func list(_ objects: LiveObjects, _ all: [JSON]) async {
    for scope in objects.scopes {
      let items = all.map(Object.init).filter {
        $0.kind == scope.resource.kind && (scope.namespace == nil || $0.namespace == scope.namespace)
      }
      await objects.take(.all(items), in: scope)
    }
  }

  @Test("the cache is empty until both kinds were listed")
  func incomplete() async {
    let objects = objects(MemoryAPI())
    let request = AdmissionRequest.create(Sample.cluster)
    #expect(await objects.snapshot(for: request) == nil)
    await objects.take(.all([]), in: objects.scopes[0])
    #expect(await objects.snapshot(for: request) == nil)
    await objects.take(.all([]), in: objects.scopes[1])
    #expect(await objects.snapshot(for: request) != nil)
  }

  @Test("one namespace that cannot be listed does not block the others")
  func scopes() async {
    let objects = objects(MemoryAPI(), ["prod", "staging"])
    #expect(objects.scopes.count == 5)
    for scope in objects.scopes where scope.namespace != "staging" {
      await objects.take(.all([]), in: scope)
    }
    #expect(await objects.snapshot(for: .create(Sample.cluster)) != nil)
    #expect(await objects.snapshot(for: .create(Sample.cluster.inNamespace("staging"))) == nil)
    // Whether an app of the catalog is in use depends on every namespace.
    #expect(await objects.snapshot(for: .delete(Sample.current.inNamespace("kdops-system"))) == nil)
  }

  @Test("changes and deletions are applied, and a new list replaces all objects of its scope")
  func following() async throws {
    let objects = objects(MemoryAPI())
    let (apps, clusters) = (objects.scopes[0], objects.scopes[1])
    await list(objects, [Sample.current, Sample.cluster])
    let app = ObjectReference.app("prod", "spark-1.0.0")
    #expect(await objects.snapshot.holds(app))
    await objects.take(.changed(Object(Sample.candidate)), in: apps)
    #expect(await objects.snapshot.holds(.app("prod", "spark-1.1.0")))
    await objects.take(.removed(Object(Sample.current)), in: apps)
    #expect(await objects.snapshot.holds(app) == false)
    #expect(await objects.snapshot.holds(Fixture.reference))
    await objects.take(.all([]), in: clusters)
    #expect(await objects.snapshot.holds(Fixture.reference) == false)
    #expect(await objects.snapshot.holds(.app("prod", "spark-1.1.0")))
  }

  @Test("a list of one namespace does not affect another")
  func listOfOne() async {
    let objects = objects(MemoryAPI(), ["prod", "staging"])
    let elsewhere = Sample.cluster.inNamespace("staging")
    await list(objects, [Sample.cluster, elsewhere])
    for scope in objects.scopes where scope.namespace == "prod" && scope.resource == .clusters {
      await objects.take(.all([]), in: scope)
    }
    #expect(await objects.snapshot.holds(.cluster("staging", "analytics")))
    #expect(await objects.snapshot.holds(Fixture.reference) == false)
  }

  @Test("an app that was applied a moment before its cluster is looked up on the server, and only then")
  func haste() async throws {
    let api = MemoryAPI(Sample.current)
    let objects = objects(api)
    await list(objects, [])
    let judge = AdmissionJudge(policy: Policy())
    let request = AdmissionRequest.create(Sample.cluster)
    let live = try #require(await objects.snapshot(for: request))
    #expect(judge.answer(request, among: live).isAllowed)
    #expect(await objects.snapshot.holds(.app("prod", "spark-1.0.0")) == false)
    // In its own namespace and in the catalog's.
    #expect(api.requests == ["list KubeDirectorApp", "list KubeDirectorApp"])
    _ = await objects.snapshot(for: .delete(Sample.current))
    await objects.take(.changed(Object(Sample.current)), in: objects.scopes[0])
    _ = await objects.snapshot(for: request)
    #expect(api.requests.count == 2)
  }

  @Test("the cache lists, then watches")
  func port() async throws {
    let api = MemoryAPI(Sample.current)
    let objects = objects(api)
    let clock = TestClock()
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await objects.follow(clock: clock, logger: .silent) }
      while await objects.snapshot(for: .delete(Sample.current)) == nil { await Task.yield() }
      #expect(await objects.snapshot.holds(.app("prod", "spark-1.0.0")))
      api.put(Sample.cluster)
      while await !objects.snapshot.holds(Fixture.reference) { await Task.yield() }
      api.remove(.clusters, "prod", "analytics")
      while await objects.snapshot.holds(Fixture.reference) { await Task.yield() }
      group.cancelAll()
    }
  }
}
