import ClusterAPI
import EmbeddedCluster
import KubeDirector
import Logging
import TestSupport
import Testing
import Values

@Suite("The stamp key of an installation")
struct StampKeyTests {
  private let folder: TemporaryFolder
  private let api: EmbeddedCluster
  private static let object: JSON = ["kind": "KubeDirectorApp", "metadata": ["name": "a"], "spec": [:]]

  init() async throws {
    folder = try TemporaryFolder()
    api = try await EmbeddedCluster.open(
      directory: folder.path, sandbox: .noScripts, catalog: ImageCatalog([]),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  }

  private func stamp(_ installation: String = "default") async throws(APIError) -> String {
    try await StampKey.obtain(from: api, namespace: "system", installation: installation).of(Self.object)
  }

  @Test("is created once, and is the same for every daemon")
  func once() async throws {
    #expect(try await stamp() == stamp())
  }

  @Test("is created once if two daemons start at the same time")
  func race() async throws {
    async let left = stamp()
    async let right = stamp()
    let both = try await (left, right)
    #expect(both.0 == both.1)
  }

  @Test("differs between installations")
  func installations() async throws {
    #expect(try await stamp() != stamp("other"))
  }

  @Test("is not replaced if it is invalid: the error says how to fix it")
  func broken() async throws {
    _ = try await api.create(
      Object(
        .secrets, namespace: "system", name: "kdops-default-stamp",
        content: ["type": "Opaque", "data": ["key": "c2hvcnQ="]]))
    let error = await #expect(throws: APIError.self) { try await stamp() }
    #expect(error?.kind == .invalid)
    #expect(error?.message.contains("Secret system/kdops-default-stamp") == true)
    #expect(error?.message.contains("delete it") == true)
    #expect(error?.message.contains("c2hvcnQ=") == false)
  }
}
