import Diagnostics
import Testing
import Values

@Suite("SARIF")
struct SARIFTests {
  private let sarif = SARIF(version: "1.2.3", rules: HostileReport.rules)

  private func results(_ findings: [Diagnostic]) -> [JSON] {
    sarif.json(Report(head: "staged", findings: findings))["runs"]?[0]?["results"]?.array ?? []
  }

  private func fingerprints(_ findings: [Diagnostic]) -> [String] {
    results(findings).compactMap { $0["partialFingerprints"]?["kdopsFinding/v1"]?.string }
  }

  @Test("a log matches the golden file, whatever texts it contains")
  func golden() throws {
    try expectGolden(sarif.render(HostileReport.report), "report.sarif")
  }

  @Test("an empty log has its rules and no results")
  func empty() {
    let run = sarif.json(Report(head: "worktree"))["runs"]?[0]
    #expect(run?["results"]?.array?.isEmpty == true)
    #expect(run?["tool"]?["driver"]?["rules"]?.array?.count == 2)
    #expect(run?["properties"]?["base"]?.isNull == true)
  }

  @Test(
    "a path is encoded as a relative URI reference",
    arguments: [
      ("clusters/prod/a.yaml", "clusters/prod/a.yaml"), ("a b%20.yaml", "a%20b%2520.yaml"),
      ("c:/x.yaml", "c%3A/x.yaml"), ("a\\b.yaml", "a%5Cb.yaml"), ("ü/名.yaml", "%C3%BC/%E5%90%8D.yaml"),
      ("a?b#c.yaml", "a%3Fb%23c.yaml"), ("a\n\u{1}.yaml", "a%0A%01.yaml"), ("~x/-_.yaml", "~x/-_.yaml"),
    ])
  func paths(path: String, uri: String) {
    let location = results([HostileReport.finding("x/y", .error, path)])[0]["locations"]?[0]
    let artifact = location?["physicalLocation"]?["artifactLocation"]
    #expect(artifact?["uri"]?.string == uri)
    #expect(artifact?["uriBaseId"]?.string == "%SRCROOT%")
  }

  @Test("each severity has its level", arguments: zip(Severity.allCases, ["error", "note", "warning"]))
  func levels(severity: Severity, level: String) {
    #expect(results([HostileReport.finding("x/y", severity, "f")])[0]["level"]?.string == level)
  }

  @Test("a finding without a position has a default one, and names its object")
  func homeless() {
    let result = results([HostileReport.finding("x/y", .error, object: HostileReport.cluster)])[0]
    let location = result["locations"]?[0]
    #expect(location?["physicalLocation"]?["artifactLocation"]?["uri"]?.string == ".kdops.yaml")
    #expect(
      location?["logicalLocations"]?[0]?["fullyQualifiedName"]?.string == "KubeDirectorCluster/prod/analytics"
    )
    #expect(
      result["message"]?["text"]?.string == "KubeDirectorCluster prod/analytics: this is wrong.")
  }

  @Test("a fingerprint stays the same if lines move or the file is renamed")
  func stableFingerprints() {
    let cluster = HostileReport.cluster
    let before = fingerprints([HostileReport.finding("x/y", .error, "a.yaml", 7, 8, object: cluster)])
    let after = fingerprints([HostileReport.finding("x/y", .error, "b/c.yaml", 19, 2, object: cluster)])
    #expect(before == after)
    let broken = HostileReport.finding("file/syntax", .error, "a.yaml", 3, message: "began on line 1")
    let moved = HostileReport.finding("file/syntax", .error, "a.yaml", 5, message: "began on line 3")
    #expect(fingerprints([broken]) == fingerprints([moved]))
  }

  @Test("a fingerprint stays the same while the awaited upgrade proceeds")
  func waitingFingerprints() {
    func waiting(_ message: String) -> Diagnostic {
      HostileReport.finding("x/y", .waiting, "a.yaml", object: HostileReport.cluster, message: message)
    }
    #expect(fingerprints([waiting("1 of 3")]) == fingerprints([waiting("2 of 3")]))
  }

  @Test("all fingerprints are different")
  func uniqueFingerprints() {
    let finding = HostileReport.finding("x/y", .error, "a.yaml", object: HostileReport.cluster)
    var others = [finding, finding, finding]
    others.append(HostileReport.finding("x/z", .error, "a.yaml", object: HostileReport.cluster))
    others.append(HostileReport.finding("x/y", .error, "a.yaml", object: HostileReport.app))
    others.append(HostileReport.finding("x/y", .error, "a.yaml"))
    others.append(HostileReport.finding("x/y", .error, "b.yaml"))
    #expect(Set(fingerprints(others)).count == others.count)
  }
}
