import ClusterAPI
import Testing
import Values

@testable import EmbeddedAPI

@Suite("Selectors")
struct SelectorTests {
  @Test(
    "a label selector matches as in Kubernetes",
    arguments: [
      ("app=a", true), ("app==a", true), ("app!=a", false), ("tier!=x", true), ("app in (a, b)", true),
      ("app in (b)", false), ("app notin (b,c),team", true), ("!tier", true), ("!app", false),
      ("app,team=blue", true), ("app in(a)", true), ("", true),
    ])
  func labels(text: String, isMatch: Bool) throws {
    let requirements = try LabelRequirement.parse(text)
    let labels = ["app": "a", "team": "blue"]
    let matches = requirements.allSatisfy { $0.matches(labels) }
    #expect(matches == isMatch)
  }

  @Test("a malformed label selector is a bad request", arguments: ["a b", "=x", "a in b", "a of (b)"])
  func malformed(text: String) {
    #expect(throws: APIFailure.self) { try LabelRequirement.parse(text) }
  }

  @Test("fields are compared as text")
  func fields() throws {
    let selection = try Selection(request("fieldSelector=involvedObject.name%3Da,count!=3"))
    let event = Object(["involvedObject": ["name": "a"], "count": 2])
    #expect(selection.matches(event))
    #expect(!selection.matches(Object(["involvedObject": ["name": "a"], "count": 3])))
    let named = try Selection(request("fieldSelector=metadata.name%3Da"))
    #expect(named.excludes(ObjectName(namespace: "n", name: "b")))
    #expect(!named.excludes(ObjectName(namespace: "n", name: "a")))
  }

  private func request(_ query: String) throws -> APIRequest {
    try #require(APIRequest(method: "GET", target: "/api/v1/events?\(query)"))
  }
}
