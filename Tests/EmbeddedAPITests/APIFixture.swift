import Admission
import ClusterAPI
import EmbeddedCluster
import FoundationEssentials
import Glibc
import KubeDirector
import Logging
import Manifests
import Rules
import TestSupport
import Values

@testable import EmbeddedAPI

/// The API on an embedded cluster in a temporary folder, whose engine and node do not run.
struct APIFixture: Sendable {
  let folder: String
  let cluster: EmbeddedCluster
  let handler: APIHandler

  static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
  static let policy = Policy(isEmbedded: true)
  static let now = 1_700_000_000

  static func with(_ body: (APIFixture) async throws -> Void) async throws {
    let folder = temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let cluster = try await EmbeddedCluster.open(
      directory: folder, sandbox: .noScripts, catalog: ImageCatalog([]), logger: logger)
    let gate = WriteGate(
      api: cluster, judge: AdmissionJudge(policy: policy, isFollowingGit: false),
      systemNamespace: policy.systemNamespace)
    let handler = APIHandler(
      api: cluster, gate: gate, mark: EmbeddedAPIServer.mark("default", .forTests), logs: logs,
      build: "0.1.0",
      now: { now })
    try await body(APIFixture(folder: folder, cluster: cluster, handler: handler))
  }

  static let logs = ScriptLogs { (_, _, _) async throws(APIError) -> ScriptOutput? in
    ScriptOutput(run: "configure.1", stdout: Array("configured\n".utf8), stderr: [], hasEnded: true)
  }

  static let app = object(Fixture.current, path: "app.json")
  static let cluster = object(Fixture.cluster, path: "cluster.yaml")

  private static func object(_ text: String, path: String) -> JSON {
    ManifestFile.parse(path: path, bytes: Array(text.utf8)).documents.first?.json ?? .null
  }

  private static func temporaryFolder() -> String {
    var template = Array("/tmp/kdops-api-XXXXXX".utf8CString)
    return template.withUnsafeMutableBufferPointer { buffer in
      buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) } ?? "/tmp/kdops-api"
    }
  }

  struct Answer {
    var code: Int
    var json: JSON
    var warnings: [String]
  }

  /// Sends a request to the handler, without a connection.
  func send(
    _ method: String, _ target: String, _ body: JSON? = nil, type: String = "application/json",
    accept: String = "application/json"
  ) async throws -> Answer {
    let headers = ["content-type": type, "accept": accept]
    let request = APIRequest(
      method: method, target: target, headers: headers, body: body?.serialized() ?? [])
    guard let request else { throw APIFailure.badRequest(target) }
    switch await handler.reply(to: request) {
    case .json(let json, let code, _, let warnings): return Answer(code: code, json: json, warnings: warnings)
    case .bytes(let bytes, _):
      return Answer(code: 200, json: .string(String(decoding: bytes, as: UTF8.self)), warnings: [])
    case .stream: return Answer(code: 200, json: .null, warnings: [])
    }
  }
}
