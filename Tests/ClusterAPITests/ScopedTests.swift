import ClusterAPI
import EmbeddedCluster
import Logging
import TestSupport
import Testing
import Values

@Suite("A client for a few namespaces")
struct ScopedTests {
  private let folder: TemporaryFolder
  private let whole: EmbeddedCluster
  private let scoped: Scoped

  init() async throws {
    folder = try TemporaryFolder()
    whole = try await EmbeddedCluster.open(
      directory: folder.path, sandbox: .noScripts, catalog: ImageCatalog([]),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    scoped = Scoped(whole, namespaces: ["red", "blue"], readable: ["system"])
  }

  private static func service(_ namespace: String, _ name: String = "a") -> Object {
    Object(.services, namespace: namespace, name: name, content: ["spec": ["ports": []]])
  }

  private func kind(_ body: () async throws -> Void) async -> APIError.Kind? {
    do { try await body() } catch { return (error as? APIError)?.kind }
    return nil
  }

  @Test("a list of all namespaces contains only these")
  func list() async throws {
    for namespace in ["red", "green", "blue"] { _ = try await whole.create(Self.service(namespace)) }
    let list = try await scoped.list(.services, namespace: nil, labels: .everything)
    #expect(list.items.map(\.namespace) == ["red", "blue"])
    #expect(!list.resourceVersion.isEmpty)
  }

  @Test("a watch of all namespaces starts at the list, and misses nothing after it")
  func watch() async throws {
    let list = try await scoped.list(.services, namespace: nil, labels: .everything)
    for namespace in ["green", "blue", "red"] { _ = try await whole.create(Self.service(namespace)) }
    var seen: Set<String> = []
    for try await event in scoped.watch(
      .services, namespace: nil, labels: .everything, after: list.resourceVersion)
    {
      if case .added(let object) = event { seen.insert(object.namespace) }
      if seen.count == 2 { break }
    }
    #expect(seen == ["red", "blue"])
  }

  @Test(
    "if the watch of one namespace ends, all are listed again, so that all have the same changes")
  func unequal() async throws {
    let scoped = Scoped(BrokenWatchAPI(api: whole, blind: "red"), namespaces: ["red", "blue"])
    let list = try await scoped.list(.services, namespace: nil, labels: .everything)
    let kind = await kind {
      for try await _ in scoped.watch(
        .services, namespace: nil, labels: .everything, after: list.resourceVersion)
      {}
    }
    #expect(kind == .gone)
  }

  @Test("every write elsewhere is refused, and the error says who can allow it")
  func refusal() async throws {
    let green = try await whole.create(Self.service("green"))
    // Not within `#expect`: the compiler can give closures of several macros in a function the same symbol.
    let kinds = [
      await kind { _ = try await scoped.create(Self.service("green", "b")) },
      await kind { _ = try await scoped.update(green) },
      await kind { _ = try await scoped.updateStatus(green) },
      await kind { _ = try await scoped.patch(.services, green.objectName, merge: ["spec": [:]]) },
      await kind { try await scoped.delete(.services, green.objectName, .none) },
      await kind { _ = try await scoped.exec(green.objectName, ExecRequest(command: ["true"])) },
      await kind { _ = try await scoped.get(.services, green.objectName) },
    ]
    #expect(kinds == Array(repeating: .forbidden, count: kinds.count))
    #expect(try await whole.get(.services, green.objectName).resourceVersion == green.resourceVersion)
    let error = await #expect(throws: APIError.self) { try await scoped.create(Self.service("green")) }
    #expect(
      error?.message
        == "Service in namespace green: not one of this daemon's (red, blue); "
        + "an administrator can add it to tenancy.namespaces")
  }

  @Test("if one namespace may no longer be read, the others continue")
  func lostTenant() async throws {
    let allowed = Scoped(whole, namespaces: ["red"])
    let asked = Scoped(allowed, namespaces: ["blue", "red"])
    _ = try await whole.create(Self.service("red"))
    let list = try await asked.list(.services, namespace: nil, labels: .everything)
    #expect(list.items.map(\.namespace) == ["red"])
    _ = try await whole.create(Self.service("red", "b"))
    var events = asked.watch(
      .services, namespace: nil, labels: .everything, after: list.resourceVersion
    ).makeAsyncIterator()
    guard case .added(let object)? = try await events.next() else {
      Issue.record("the watch ended")
      return
    }
    #expect(object.name == "b")
    let nowhere = Scoped(allowed, namespaces: ["blue", "green"])
    #expect(
      await kind { _ = try await nowhere.list(.services, namespace: nil, labels: .everything) } == .forbidden)
  }

  @Test("the apps of the system namespace are visible, and nothing else there")
  func system() async throws {
    _ = try await whole.create(Self.service("system"))
    let app = Object(.apps, namespace: "system", name: "web", content: ["spec": [:]])
    _ = try? await whole.create(app)
    let creation = await kind { _ = try await scoped.create(app) }
    #expect(creation == .forbidden)
    #expect(try await scoped.list(.services, namespace: nil, labels: .everything).items.isEmpty)
    let apps = await kind { _ = try await scoped.list(.apps, namespace: "system", labels: .everything) }
    #expect(apps == nil)
    let services = await kind {
      _ = try await scoped.list(.services, namespace: "system", labels: .everything)
    }
    #expect(services == .forbidden)
  }
}
