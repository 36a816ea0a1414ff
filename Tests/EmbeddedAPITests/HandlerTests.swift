import ClusterAPI
import KubeDirector
import TestSupport
import Testing
import Values

@testable import EmbeddedAPI

@Suite("Requests of clients", .timeLimit(.minutes(10)))
struct HandlerTests {
  private let base = "/apis/kubedirector.hpe.com/v1beta1/namespaces/prod"

  @Test("an app and a cluster are created with a stamp, and read again")
  func creation() async throws {
    try await APIFixture.with { fixture in
      let app = try await fixture.send("POST", "\(base)/kubedirectorapps", APIFixture.app)
      #expect(app.code == 201)
      let cluster = try await fixture.send("POST", "\(base)/kubedirectorclusters", APIFixture.cluster)
      #expect(cluster.code == 201)
      #expect(Stamp.forTests.holds(cluster.json))
      let again = try await fixture.send("POST", "\(base)/kubedirectorclusters", APIFixture.cluster)
      #expect(again.code == 409)
      #expect(again.json["reason"] == "AlreadyExists")
      let found = try await fixture.send("GET", "\(base)/kubedirectorclusters/analytics")
      #expect(found.json == cluster.json)
    }
  }

  @Test("the rules judge what is applied, with the words of a cluster that calls the webhook")
  func rules() async throws {
    try await APIFixture.with { fixture in
      let early = try await fixture.send("POST", "\(base)/kubedirectorclusters", APIFixture.cluster)
      #expect(early.code == 403)
      let message = early.json["message"]?.string ?? ""
      #expect(message.hasPrefix(#"admission webhook "objects.kdops.dev" denied the request: "#))
      #expect(message.contains("cluster/app-registered"))
      _ = try await fixture.send("POST", "\(base)/kubedirectorapps", APIFixture.app)
      _ = try await fixture.send("POST", "\(base)/kubedirectorclusters", APIFixture.cluster)
      let used = try await fixture.send("DELETE", "\(base)/kubedirectorapps/spark-1.0.0")
      #expect(used.code == 403)
      #expect(used.json["message"]?.string?.contains("app/in-use") == true)
    }
  }

  @Test("an object that violates its schema is invalid, with the fields that are wrong")
  func schema() async throws {
    try await APIFixture.with { fixture in
      var app = APIFixture.app
      app["spec"]?["version"] = 1
      let answer = try await fixture.send("POST", "\(base)/kubedirectorapps", app)
      #expect(answer.code == 422)
      #expect(answer.json["details"]?["causes"]?[0]?["field"] == "spec.version")
    }
  }

  @Test("an object that does not exist has the Status of Kubernetes")
  func absence() async throws {
    try await APIFixture.with { fixture in
      let answer = try await fixture.send("GET", "\(base)/kubedirectorclusters/nothing")
      let expected = try JSON.parse(
        """
        {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
         "message": "kubedirectorclusters.kubedirector.hpe.com \\"nothing\\" not found", "reason": "NotFound",
         "details": {"name": "nothing", "group": "kubedirector.hpe.com", "kind": "kubedirectorclusters"},
         "code": 404}
        """)
      #expect(answer.json == expected)
    }
  }

  @Test("a write with an old version is a conflict, a patch without one is not")
  func conflicts() async throws {
    try await APIFixture.with { fixture in
      let configMap: JSON = [
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "c"], "data": ["a": "1"],
      ]
      let path = "/api/v1/namespaces/prod/configmaps"
      let created = try await fixture.send("POST", path, configMap)
      let merge = "application/merge-patch+json"
      let patched = try await fixture.send("PATCH", "\(path)/c", ["data": ["a": "2"]], type: merge)
      #expect(patched.json["data"]?["a"] == "2")
      let late = try await fixture.send("PUT", "\(path)/c", created.json)
      #expect(late.code == 409)
      #expect(late.json["reason"] == "Conflict")
      let json = try await fixture.send(
        "PATCH", "\(path)/c", [["op": "add", "path": "/data/b", "value": "3"]],
        type: "application/json-patch+json")
      #expect(json.json["data"]?["b"] == "3")
      let strategic = try await fixture.send(
        "PATCH", "\(base)/kubedirectorapps/x", [:], type: "application/strategic-merge-patch+json")
      #expect(strategic.code == 415)
      let wrong = try await fixture.send(
        "DELETE", "\(path)/c", ["preconditions": ["uid": "another"]])
      #expect(wrong.code == 409)
      let deleted = try await fixture.send("DELETE", "\(path)/c")
      #expect(deleted.json["status"] == "Success")
    }
  }

  @Test("server-side apply creates an object, and a dry run stores nothing")
  func apply() async throws {
    try await APIFixture.with { fixture in
      let type = "application/apply-patch+yaml"
      let path = "\(base)/kubedirectorapps/spark-1.0.0?fieldManager=kubectl"
      let dry = try await fixture.send("PATCH", "\(path)&dryRun=All", APIFixture.app, type: type)
      #expect(dry.code == 201)
      let none = try await fixture.send("GET", "\(base)/kubedirectorapps/spark-1.0.0")
      #expect(none.code == 404)
      let first = try await fixture.send("PATCH", path, APIFixture.app, type: type)
      #expect(first.code == 201)
      let second = try await fixture.send("PATCH", path, APIFixture.app, type: type)
      #expect(second.json["metadata"]?["resourceVersion"] == first.json["metadata"]?["resourceVersion"])
    }
  }

  @Test("a status is written only by its subresource")
  func status() async throws {
    try await APIFixture.with { fixture in
      _ = try await fixture.send("POST", "\(base)/kubedirectorapps", APIFixture.app)
      let cluster = try await fixture.send("POST", "\(base)/kubedirectorclusters", APIFixture.cluster)
      let patch: JSON = ["status": ["state": "configured"]]
      let path = "\(base)/kubedirectorclusters/analytics"
      let merge = "application/merge-patch+json"
      let ignored = try await fixture.send("PATCH", path, patch, type: merge)
      #expect(ignored.json["status"] == nil)
      let written = try await fixture.send("PATCH", "\(path)/status", patch, type: merge)
      #expect(written.json["status"]?["state"] == "configured")
      #expect(written.json["spec"] == cluster.json["spec"])
    }
  }

  @Test("a watch sends what exists, then changes, and 410 for a version that is too old")
  func watch() async throws {
    try await APIFixture.with { fixture in
      _ = try await fixture.send("POST", "\(base)/kubedirectorapps", APIFixture.app)
      let lines = AsyncStream<JSON>.makeStream()
      let request = try #require(APIRequest(method: "GET", target: "\(base)/kubedirectorapps?watch=true"))
      guard case .stream(_, let body) = await fixture.handler.reply(to: request) else { return }
      let watching = Task {
        try await body(
          Reply.Send { bytes in if let line = try? JSON.parse(bytes) { lines.continuation.yield(line) } })
      }
      var events = lines.stream.makeAsyncIterator()
      let added = await events.next()
      #expect(added?["type"] == "ADDED")
      let deleted = try await fixture.send("DELETE", "\(base)/kubedirectorapps/spark-1.0.0")
      #expect(deleted.code == 200)
      let gone = await events.next()
      #expect(gone?["type"] == "DELETED")
      watching.cancel()
      let old = try #require(
        APIRequest(method: "GET", target: "\(base)/kubedirectorapps?watch=1&resourceVersion=999999"))
      guard case .stream(_, let second) = await fixture.handler.reply(to: old) else { return }
      try await second(
        Reply.Send { bytes in if let line = try? JSON.parse(bytes) { lines.continuation.yield(line) } })
      let error = await events.next()
      #expect(error?["type"] == "ERROR")
      #expect(error?["object"]?["code"] == 410)
    }
  }

  @Test("the Secrets of the daemon are not served")
  func hiddenSecrets() async throws {
    try await APIFixture.with { fixture in
      _ = try await StampKey.obtain(
        from: fixture.cluster, namespace: "kdops-system", installation: "default")
      let path = "/api/v1/namespaces/kdops-system/secrets"
      let secret = try await fixture.send("GET", "\(path)/kdops-default-stamp")
      #expect(secret.code == 404)
      let list = try await fixture.send("GET", "/api/v1/secrets")
      #expect(list.json["items"]?.array?.isEmpty == true)
      let body: JSON = ["apiVersion": "v1", "kind": "Secret", "metadata": ["name": "x"]]
      let created = try await fixture.send("POST", path, body)
      #expect(created.code == 403)
      let deleted = try await fixture.send("DELETE", "\(path)/kdops-default-stamp")
      #expect(deleted.code == 404)
    }
  }

  @Test("namespaces are those of the objects")
  func namespaces() async throws {
    try await APIFixture.with { fixture in
      _ = try await fixture.send("POST", "\(base)/kubedirectorapps", APIFixture.app)
      let list = try await fixture.send("GET", "/api/v1/namespaces")
      let names = list.json["items"]?.array?.compactMap { $0["metadata"]?["name"]?.string }
      #expect(names == ["default", "prod"])
    }
  }
}
