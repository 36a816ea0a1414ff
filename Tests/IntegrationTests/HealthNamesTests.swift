import FoundationEssentials
import KubeDirector
import Manifests
import TestSupport
import Testing
import Values

@Suite("The names in the health checks for other tools")
struct HealthNamesTests {
  private func text(_ path: String) throws -> String {
    String(decoding: try Data(contentsOf: Project.file(path)), as: UTF8.self)
  }

  /// The texts in single or double quotes.
  private func quoted(_ text: String, _ quote: Character) -> Set<String> {
    let parts = text.split(separator: quote, omittingEmptySubsequences: false)
    return Set(parts.enumerated().filter { $0.offset % 2 == 1 }.map { String($0.element) })
  }

  @Test("the expressions for Flux name the conditions and the kind that kdops writes")
  func flux() throws {
    let file = SettingsFile(
      path: "kustomization.yaml",
      bytes: Array(try text("docs/integrations/flux/kustomization.yaml").utf8))
    #expect(file.findings.isEmpty)
    let spec = try #require(file.json?["spec"])
    let check = try #require(spec["healthCheckExprs"]?[0])
    #expect(check["apiVersion"]?.string == Wire.apiVersion && check["kind"]?.string == Wire.clusterKind)
    for object in spec["healthChecks"]?.array ?? [] {
      #expect(object["apiVersion"]?.string == Wire.apiVersion && object["kind"]?.string == Wire.clusterKind)
    }
    let kinds = Set(Condition.Kind.allCases.map(\.rawValue))
    let known = kinds.union(["True", StatusReason.suspended.rawValue])
    var named: Set<String> = []
    for key in ["inProgress", "failed", "current"] {
      let expression = try #require(check[key]?.string)
      #expect(expression.count { $0 == "(" } == expression.count { $0 == ")" })
      named.formUnion(quoted(expression, "'"))
    }
    #expect(named.isSubset(of: known) && named.isSuperset(of: kinds))
  }

  @Test("the script for Argo CD names the conditions and reasons that kdops writes")
  func argo() throws {
    let script = try text("docs/integrations/argo-cd/health.lua")
    for kind in Condition.Kind.allCases { #expect(script.contains("conditions[\"\(kind.rawValue)\"]")) }
    #expect(script.contains("reason == \"\(StatusReason.suspended.rawValue)\""))
  }
}
