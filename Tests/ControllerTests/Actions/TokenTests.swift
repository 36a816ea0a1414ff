import KubeDirector
import TestSupport
import Testing
import Values

@testable import Controller

@Suite("Tokens of members")
struct TokenTests {
  private static let app = AppSpec([
    "distroID": "example/spark", "version": "1.0.0", "defaultImageRepoTag": "registry.example/spark:1.0.0",
    "services": [
      ["id": "api", "endpoint": ["port": 8080, "urlScheme": "http", "hasAuthToken": true]],
      ["id": "web", "endpoint": ["port": 8081, "urlScheme": "http"]],
    ],
    "roles": [["id": "controller", "cardinality": "1"], ["id": "worker", "cardinality": "1+"]],
    "config": ["roleServices": [["roleID": "worker", "serviceIDs": ["api", "web"]]]],
  ])

  private func token(_ pod: String) -> String { Stamp.forTests.token(of: pod, cluster: "c-1") }

  private func services(seenBy role: String, _ index: Int) throws -> JSON? {
    let status = Fixture.status()
    let member = try #require(status.role(role)?.members[index])
    let meta = ConfigMeta(
      cluster: Fixture.cluster(), status: status, app: Self.app, clusterDomain: "cluster.local",
      stamp: .forTests)
    return meta.json(role: role, member: member)["nodegroups"]?["1"]?["roles"]?["worker"]?["services"]
  }

  @Test("differ by pod, cluster and installation, and are the same at any time")
  func derived() {
    #expect(token("analytics-worker-0") == token("analytics-worker-0"))
    let tokens = [
      token("analytics-worker-0"), token("analytics-worker-1"),
      Stamp.forTests.token(of: "analytics-worker-0", cluster: "c-2"),
      Stamp.numbered(8).token(of: "analytics-worker-0", cluster: "c-1"),
    ]
    #expect(Set(tokens).count == tokens.count)
    #expect(tokens.allSatisfy { $0.utf8.count == 32 })
  }

  @Test("are in configmeta.json: a member's own in its role, and the first member's for other roles")
  func configmeta() throws {
    for index in [0, 1] {
      let own = try services(seenBy: "worker", index)
      #expect(own?["api"]?["authToken"]?.string == token("analytics-worker-\(index)"))
      #expect(own?["web"]?["authToken"] == "")
    }
    let others = try services(seenBy: "controller", 0)
    #expect(others?["api"]?["authToken"]?.string == token("analytics-worker-0"))
  }

  @Test("are an annotation of the member's service, which no cluster can set")
  func annotation() throws {
    var role = try #require(Fixture.cluster().spec.role("worker"))
    role.serviceAnnotations = ["kd-auth-token": "guessed"]
    func annotations(_ services: [AppService]) -> [String: String] {
      Fixture.builder().memberService(role: role, services: services, pod: "analytics-worker-1").annotations
    }
    #expect(annotations(Self.app.services)["kd-auth-token"] == token("analytics-worker-1"))
    #expect(annotations([])["kd-auth-token"] == nil)
  }

  @Test("do not make the services of members look outdated")
  func outdated() throws {
    let role = try #require(Fixture.cluster().spec.role("worker"))
    let builder = Fixture.builder()
    var marks: [String: String] = [:]
    for pod in ["analytics-worker-0", "analytics-worker-1"] {
      let service = builder.memberService(role: role, services: Self.app.services, pod: pod)
      marks[service.name] = service.annotation(ServiceAnnotation.mark)
    }
    #expect(builder.outdated(marks, Self.app).isEmpty)
    marks["analytics-worker-1"] = marks["analytics-worker-0"]
    #expect(builder.outdated(marks, Self.app) == ["analytics-worker-1"])
  }
}
