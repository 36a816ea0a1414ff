import ClusterAPI
import Diagnostics
import KubeDirector
import Rules
import TestSupport
import Testing
import Values

@testable import Admission

@Suite("What lives is known by watching")
struct LiveObjectsTests {
  private func objects(_ api: MemoryAPI, _ namespaces: [String]? = nil) -> LiveObjects {
    LiveObjects(api: api, namespaces: namespaces, systemNamespace: "kdops-system")
  }

  /// Takes in what a listing of every scope would give.
  private func list(_ objects: LiveObjects, _ all: [JSON]) async {
    for scope in objects.scopes {
      let items = all.map(Object.init).filter {
        $0.kind == scope.resource.kind && (scope.namespace == nil || $0.namespace == scope.namespace)
      }
      await objects.take(.all(items), in: scope)
    }
  }

  @Test("nothing is known before both kinds were listed")
  func incomplete() async {
    let objects = objects(MemoryAPI())
    let request = AdmissionRequest.create(Sample.cluster)
    #expect(await objects.living(for: request) == nil)
    await objects.take(.all([]), in: objects.scopes[0])
    #expect(await objects.living(for: request) == nil)
    await objects.take(.all([]), in: objects.scopes[1])
    #expect(await objects.living(for: request) != nil)
  }

  @Test("one namespace that cannot be listed does not blind the others")
  func scopes() async {
    let objects = objects(MemoryAPI(), ["prod", "staging"])
    #expect(objects.scopes.count == 5)
    for scope in objects.scopes where scope.namespace != "staging" {
      await objects.take(.all([]), in: scope)
    }
    #expect(await objects.living(for: .create(Sample.cluster)) != nil)
    #expect(await objects.living(for: .create(Sample.cluster.inNamespace("staging"))) == nil)
    // Whether an app of the catalog is in use, every namespace has a say in.
    #expect(await objects.living(for: .delete(Sample.current.inNamespace("kdops-system"))) == nil)
  }

  @Test("changes and deletions are followed, and a fresh list is the whole truth of its scope")
  func following() async throws {
    let objects = objects(MemoryAPI())
    let (apps, clusters) = (objects.scopes[0], objects.scopes[1])
    await list(objects, [Sample.current, Sample.cluster])
    let app = ObjectReference.app("prod", "spark-1.0.0")
    #expect(await objects.living.holds(app))
    await objects.take(.changed(Object(Sample.candidate)), in: apps)
    #expect(await objects.living.holds(.app("prod", "spark-1.1.0")))
    await objects.take(.removed(Object(Sample.current)), in: apps)
    #expect(await objects.living.holds(app) == false)
    #expect(await objects.living.holds(Fixture.reference))
    await objects.take(.all([]), in: clusters)
    #expect(await objects.living.holds(Fixture.reference) == false)
    #expect(await objects.living.holds(.app("prod", "spark-1.1.0")))
  }

  @Test("a list of one namespace says nothing of another")
  func listOfOne() async {
    let objects = objects(MemoryAPI(), ["prod", "staging"])
    let elsewhere = Sample.cluster.inNamespace("staging")
    await list(objects, [Sample.cluster, elsewhere])
    for scope in objects.scopes where scope.namespace == "prod" && scope.resource == .clusters {
      await objects.take(.all([]), in: scope)
    }
    #expect(await objects.living.holds(.cluster("staging", "analytics")))
    #expect(await objects.living.holds(Fixture.reference) == false)
  }

  @Test("an app that was applied a moment before its cluster is looked for, and only then")
  func haste() async throws {
    let api = MemoryAPI(Sample.current)
    let objects = objects(api)
    await list(objects, [])
    let judge = AdmissionJudge(policy: Policy())
    let request = AdmissionRequest.create(Sample.cluster)
    let living = try #require(await objects.living(for: request))
    #expect(judge.answer(request, among: living).isAllowed)
    #expect(await objects.living.holds(.app("prod", "spark-1.0.0")) == false)
    // In its own namespace and in the catalog's.
    #expect(api.requests == ["list KubeDirectorApp", "list KubeDirectorApp"])
    _ = await objects.living(for: .delete(Sample.current))
    await objects.take(.changed(Object(Sample.current)), in: objects.scopes[0])
    _ = await objects.living(for: request)
    #expect(api.requests.count == 2)
  }

  @Test("it follows the port: lists, then watches")
  func port() async throws {
    let api = MemoryAPI(Sample.current)
    let objects = objects(api)
    let clock = TestClock()
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await objects.follow(clock: clock, logger: .silent) }
      while await objects.living(for: .delete(Sample.current)) == nil { await Task.yield() }
      #expect(await objects.living.holds(.app("prod", "spark-1.0.0")))
      api.put(Sample.cluster)
      while await !objects.living.holds(Fixture.reference) { await Task.yield() }
      api.remove(.clusters, "prod", "analytics")
      while await objects.living.holds(Fixture.reference) { await Task.yield() }
      group.cancelAll()
    }
  }
}
