import KubeDirector
import Testing

@Suite("Semantic Versioning 2.0.0")
struct SemanticVersionTests {
  @Test("orders the specification's own chain correctly (semver.org, item 11)")
  func chain() throws {
    let chain = [
      "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11",
      "1.0.0-rc.1", "1.0.0", "2.0.0", "2.1.0", "2.1.1",
    ]
    let versions = try chain.map { try #require(SemanticVersion($0)) }
    for (i, lower) in versions.enumerated() {
      for (j, higher) in versions.enumerated() {
        #expect((lower < higher) == (i < j), "\(lower) \(higher)")
        #expect((lower == higher) == (i == j), "\(lower) \(higher)")
      }
    }
  }

  @Test("compares numbers of any length as numbers")
  func numbers() throws {
    let nine = try #require(SemanticVersion("1.9.0"))
    let ten = try #require(SemanticVersion("1.10.0"))
    let huge = try #require(SemanticVersion("1.99999999999999999999999.0"))
    #expect(nine < ten && ten < huge)
    #expect(try #require(SemanticVersion("1.0.0-9")) < #require(SemanticVersion("1.0.0-10")))
    #expect(try #require(SemanticVersion("1.0.0-10")) < #require(SemanticVersion("1.0.0-9a")))
  }

  @Test("ignores build metadata in the order, and keeps it in the displayed version")
  func build() throws {
    let plain = try #require(SemanticVersion("1.0.0"))
    let built = try #require(SemanticVersion("1.0.0+20130313144700"))
    #expect(plain == built && plain.hashValue == built.hashValue)
    #expect(built.description == "1.0.0+20130313144700")
  }

  @Test(
    "accepts what the specification allows",
    arguments: [
      "0.0.4", "1.2.3", "10.20.30", "1.1.2-prerelease+meta", "1.1.2+meta", "1.1.2+meta-valid", "1.0.0-alpha",
      "1.0.0-alpha.0valid", "1.0.0-rc.1+build.1", "2.0.0+build.1848", "1.0.0-0A.is.legal", "1.0.0--.-",
      "1.2.3----RC-SNAPSHOT.12.9.1--.12+788", "1.0.0+0.build.1-rc.10000aaa-kk-0.1",
    ])
  func valid(text: String) { #expect(SemanticVersion(text) != nil) }

  @Test(
    "refuses what the specification does not allow",
    arguments: [
      "", "1", "1.2", "v1.2.3", "1.2.3.4", "01.1.1", "1.01.1", "1.1.01", "1.2.3-", "1.2.3+", "1.2.3-0123",
      "1.2.3-0123.0123", "1.1.2+.123", "alpha", "1.2.3 ", " 1.2.3", "-1.0.3", "1.2.3-a..b", "1.2.3-ä",
      "1.0.0+a+b",
      "１.0.0",
    ])
  func invalid(text: String) { #expect(SemanticVersion(text) == nil) }
}
