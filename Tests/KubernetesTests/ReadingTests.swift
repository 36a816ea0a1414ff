import ClusterAPI
import Testing
import Values

@testable import Kubernetes

@Suite("Reading objects")
struct ReadingTests {
  @Test(
    "an object is requested by its path, and returned unchanged except for managedFields")
  func get() async throws {
    var sent = Samples.pod("db-0", version: 7, more: ["spec": ["nodeName": "node"]])
    sent["metadata"]?["managedFields"] = [["manager": "kubectl"]]
    try await withStub([.json(sent)]) { client, stub in
      let pod = try await client.get(.pods, Samples.web0)
      #expect(stub.lines == ["GET /api/v1/namespaces/web/pods/db-0"])
      #expect(pod.resourceVersion == "7")
      #expect(pod.json["spec"]?["nodeName"]?.string == "node")
      #expect(pod.json["metadata"]?["managedFields"] == nil)
    }
  }

  @Test("objects of an API group, and cluster-scoped objects, have their own paths")
  func paths() async throws {
    let set: JSON = ["metadata": ["name": "db"]]
    try await withStub([.json(set), .json(set)]) { client, stub in
      let found = try await client.get(.statefulSets, ObjectName(namespace: "web", name: "db"))
      #expect(found.kind == "StatefulSet" && found.apiVersion == "apps/v1")
      _ = try await client.get(.validatingWebhooks, ObjectName(namespace: "", name: "kdops"))
      #expect(
        stub.lines == [
          "GET /apis/apps/v1/namespaces/web/statefulsets/db",
          "GET /apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/kdops",
        ])
    }
  }

  @Test(
    "a name that would change the path is refused before anything is sent", arguments: ["", ".", ".."])
  func wrongNames(name: String) async throws {
    try await withStub([]) { client, stub in
      let error = try await failure { try await client.get(.pods, ObjectName(namespace: "web", name: name)) }
      #expect(error.kind == .invalid)
      #expect(stub.requests.isEmpty)
    }
  }

  @Test("a slash, a question mark and a percent sign in a name are encoded")
  func encodedNames() async throws {
    try await withStub([.status(404, "NotFound", "not found", details: ["name": "x"])]) { client, stub in
      _ = try await failure { try await client.get(.pods, ObjectName(namespace: "web", name: "../a?b=%c")) }
      #expect(stub.lines == ["GET /api/v1/namespaces/web/pods/..%2Fa%3Fb%3D%25c"])
    }
  }

  @Test("a list is read page by page, at the version of its first page")
  func paging() async throws {
    let pages: [StubAnswer] = [
      .json(
        Samples.list([Samples.pod("a", version: 1), Samples.pod("b", version: 2)], version: 9, next: "t/1")),
      .json(Samples.list([Samples.pod("c", version: 3)], version: 9)),
    ]
    try await withStub(pages) { client, stub in
      let list = try await client.list(
        .pods, namespace: "web", labels: LabelSelector(equals: ["app": "db", "a/b": "c"], exists: ["ready"]))
      #expect(list.items.map(\.name) == ["a", "b", "c"])
      #expect(list.resourceVersion == "9")
      let queries = stub.requests.map(\.query)
      #expect(queries[0] == ["limit": "500", "labelSelector": "a%2Fb%3Dc%2Capp%3Ddb%2Cready"])
      #expect(queries[1]["continue"] == "t%2F1")
      #expect(queries[1]["labelSelector"] == queries[0]["labelSelector"])
    }
  }

  @Test("items that the server sends without their kind get it")
  func itemsWithoutKind() async throws {
    let item: JSON = ["metadata": ["name": "a", "namespace": "web"]]
    try await withStub([.json(Samples.list([item], version: 1))]) { client, stub in
      let list = try await client.list(.services, namespace: nil, labels: .everything)
      #expect(list.items.map(\.kind) == ["Service"] && list.items.map(\.apiVersion) == ["v1"])
      #expect(stub.lines == ["GET /api/v1/services"])
    }
  }

  @Test("a list restarts if the continue token of its next page has expired")
  func expiredContinue() async throws {
    let answers: [StubAnswer] = [
      .json(Samples.list([Samples.pod("a", version: 1)], version: 9, next: "old")),
      .status(410, "Expired", "The provided continue parameter is too old"),
      .json(Samples.list([Samples.pod("a", version: 1)], version: 12, next: "new")),
      .json(Samples.list([Samples.pod("b", version: 11)], version: 12)),
    ]
    try await withStub(answers) { client, _ in
      let list = try await client.list(.pods, namespace: nil, labels: .everything)
      #expect(list.items.map(\.name) == ["a", "b"])
      #expect(list.resourceVersion == "12")
    }
  }

  @Test("a list that expires again and again is finally requested without paging")
  func alwaysExpired() async throws {
    let page = StubAnswer.json(Samples.list([Samples.pod("a", version: 1)], version: 9, next: "old"))
    let expired = StubAnswer.status(410, "Expired", "too old")
    let whole = StubAnswer.json(Samples.list([Samples.pod("a", version: 1)], version: 9))
    try await withStub([page, expired, page, expired, page, expired, whole]) { client, stub in
      let list = try await client.list(.pods, namespace: nil, labels: .everything)
      #expect(list.items.count == 1)
      #expect(stub.requests.last?.query["limit"] == nil)
    }
  }

  @Test("a server before 1.21 is asked for disruption budgets in policy/v1beta1, detected once")
  func disruptionBudgets() async throws {
    let group: JSON = [
      "kind": "APIGroup", "versions": [["groupVersion": "policy/v1beta1", "version": "v1beta1"]],
    ]
    let budget: JSON = [
      "apiVersion": "policy/v1beta1", "kind": "PodDisruptionBudget", "metadata": ["name": "b"],
    ]
    let answers: [StubAnswer] = [
      .json(group), .json(Samples.list([budget], version: 3)), .json(budget), .json(budget),
    ]
    try await withStub(answers) { client, stub in
      let list = try await client.list(.disruptionBudgets, namespace: "web", labels: .everything)
      #expect(list.items.map(\.apiVersion) == ["policy/v1"])
      var found = try await client.get(.disruptionBudgets, ObjectName(namespace: "web", name: "b"))
      found.json["metadata"]?["namespace"] = "web"
      _ = try await client.update(found)
      #expect(
        stub.lines == [
          "GET /apis/policy", "GET /apis/policy/v1beta1/namespaces/web/poddisruptionbudgets",
          "GET /apis/policy/v1beta1/namespaces/web/poddisruptionbudgets/b",
          "PUT /apis/policy/v1beta1/namespaces/web/poddisruptionbudgets/b",
        ])
      #expect(stub.requests.last?.json?["apiVersion"]?.string == "policy/v1beta1")
    }
  }

  @Test("a newer server is asked for disruption budgets in policy/v1")
  func newerDisruptionBudgets() async throws {
    let group: JSON = ["versions": [["version": "v1"], ["version": "v1beta1"]]]
    try await withStub([.json(group), .json(Samples.list([], version: 3))]) { client, stub in
      _ = try await client.list(.disruptionBudgets, namespace: nil, labels: .everything)
      #expect(stub.lines.last == "GET /apis/policy/v1/poddisruptionbudgets")
    }
  }

  @Test("a kind that the server does not serve is unsupported, whatever its 404 says")
  func unservedKind() async throws {
    let answers: [StubAnswer] = [
      .text(404, "404 page not found\n"),
      .status(404, "NotFound", "the server could not find the requested resource"),
      .text(404, "404 page not found\n"),
    ]
    try await withStub(answers) { client, _ in
      for _ in 0..<2 {
        let error = try await failure {
          try await client.list(.clusters, namespace: nil, labels: .everything)
        }
        #expect(error.kind == .unsupported)
        #expect(error.message.contains("kubedirectorclusters.kubedirector.hpe.com"))
        #expect(error.message.contains("kdops install --export"))
      }
      let error = try await failure {
        try await client.get(.clusters, ObjectName(namespace: "web", name: "db"))
      }
      #expect(error.kind == .unsupported)
    }
  }

  @Test("the server's version is requested once and cached")
  func check() async throws {
    try await withStub([.json(["gitVersion": "v1.20.2"])]) { client, stub in
      #expect(client.serverVersion == nil)
      try await client.check()
      #expect(client.serverVersion == "v1.20.2")
      #expect(stub.lines == ["GET /version"])
    }
  }

  @Test("for an answer that is not JSON, the error says that this may not be an API server")
  func noJSON() async throws {
    try await withStub([.text(200, "<html>Welcome</html>")]) { client, _ in
      let error = try await failure { try await client.check() }
      #expect(error.message.contains("is this an API server?"))
    }
  }
}
