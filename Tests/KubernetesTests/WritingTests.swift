import ClusterAPI
import Testing
import Values

@testable import Kubernetes

@Suite("Writing objects")
struct WritingTests {
  private let pod = Object(Samples.pod("db-0", version: 7))

  @Test("an object is created in its namespace's collection, which follows from its kind")
  func create() async throws {
    try await withStub([.json(Samples.pod("db-0", version: 8))]) { client, stub in
      let made = try await client.create(pod)
      #expect(made.resourceVersion == "8")
      #expect(stub.lines == ["POST /api/v1/namespaces/web/pods"])
      #expect(stub.requests[0].json == pod.json)
      #expect(stub.requests[0].headers["Content-Type"] == ["application/json"])
    }
  }

  @Test("a namespaced object without a namespace is refused before anything is sent")
  func noNamespace() async throws {
    try await withStub([]) { client, stub in
      let object = Object(["apiVersion": "v1", "kind": "Pod", "metadata": ["name": "a"]])
      let error = try await failure { try await client.create(object) }
      #expect(error.kind == .invalid && error.message.contains("namespace"))
      #expect(stub.requests.isEmpty)
    }
  }

  @Test("an update replaces the object, a status update only /status")
  func updates() async throws {
    try await withStub([.json(pod.json), .json(pod.json)]) { client, stub in
      _ = try await client.update(pod)
      _ = try await client.updateStatus(pod)
      #expect(
        stub.lines == ["PUT /api/v1/namespaces/web/pods/db-0", "PUT /api/v1/namespaces/web/pods/db-0/status"])
    }
  }

  @Test("each kind of patch has its content type")
  func patches() async throws {
    try await withStub([.json(pod.json), .json(pod.json), .json(pod.json)]) { client, stub in
      _ = try await client.patch(.pods, Samples.web0, merge: ["metadata": ["labels": ["a": "b"]]])
      _ = try await client.patch(
        .pods, Samples.web0, json: [["op": "remove", "path": "/metadata/labels/a"]])
      _ = try await client.apply(pod, manager: "kdops", force: true)
      #expect(
        stub.requests.map(\.line) == Array(repeating: "PATCH /api/v1/namespaces/web/pods/db-0", count: 3))
      #expect(
        stub.requests.compactMap { $0.headers.first(name: "Content-Type") } == [
          "application/merge-patch+json", "application/json-patch+json", "application/apply-patch+yaml",
        ])
      #expect(stub.requests[2].query == ["fieldManager": "kdops", "force": "true"])
    }
  }

  @Test("a deletion carries its preconditions and deletes dependents in the background")
  func delete() async throws {
    try await withStub([.json(["kind": "Status", "status": "Success"])]) { client, stub in
      try await client.delete(.pods, Samples.web0, Preconditions(uid: "u1", resourceVersion: "7"))
      #expect(stub.lines == ["DELETE /api/v1/namespaces/web/pods/db-0"])
      #expect(
        stub.requests[0].json == [
          "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background",
          "preconditions": ["uid": "u1", "resourceVersion": "7"],
        ])
    }
  }

  @Test("a failed precondition is a conflict")
  func precondition() async throws {
    let answer = StubAnswer.status(
      409, "Conflict",
      "Operation cannot be fulfilled on Pod \"db-0\": the UID in the precondition does not match")
    try await withStub([answer]) { client, _ in
      let error = try await failure {
        try await client.delete(.pods, Samples.web0, Preconditions(uid: "other"))
      }
      #expect(error.kind == .conflict)
    }
  }

  @Test("an unknown kind is looked up once by discovery")
  func discovery() async throws {
    let list: JSON = [
      "resources": [
        ["name": "deployments/status", "kind": "Deployment", "namespaced": true],
        ["name": "deployments", "kind": "Deployment", "namespaced": true],
      ]
    ]
    let object: JSON = [
      "apiVersion": "apps/v1", "kind": "Deployment",
      "metadata": ["name": "kdops", "namespace": "kdops-system"],
    ]
    try await withStub([.json(list), .json(object), .json(object)]) { client, stub in
      _ = try await client.create(Object(object))
      _ = try await client.apply(Object(object), manager: "kdops")
      #expect(
        stub.lines == [
          "GET /apis/apps/v1", "POST /apis/apps/v1/namespaces/kdops-system/deployments",
          "PATCH /apis/apps/v1/namespaces/kdops-system/deployments/kdops",
        ])
    }
  }

  @Test("a kind that the server's API group lacks is unsupported")
  func unknownKind() async throws {
    try await withStub([.json(["resources": []]), .text(404, "404 page not found")]) { client, _ in
      for version in ["apps/v1", "nowhere.example/v1"] {
        let object = Object([
          "apiVersion": .string(version), "kind": "Thing", "metadata": ["name": "a", "namespace": "b"],
        ])
        let error = try await failure { try await client.create(object) }
        #expect(error.kind == .unsupported)
      }
    }
  }

  @Test("every request is passed to the observer in RBAC terms")
  func observer() async throws {
    let records = Recorder<RequestRecord>()
    let answers: [StubAnswer] = [
      .json(pod.json), .json(pod.json), .json(Samples.list([], version: 1)), .status(404, "NotFound", "no"),
    ]
    try await withStub(answers, options: { $0.onRequest = { records.add($0) } }) { client, _ in
      _ = try await client.create(pod)
      _ = try await client.updateStatus(pod)
      _ = try await client.list(.statefulSets, namespace: nil, labels: .everything)
      _ = try? await client.get(.pods, Samples.web0)
    }
    #expect(
      records.all == [
        RequestRecord(verb: "create", resource: "pods", namespace: "web", code: 200),
        RequestRecord(verb: "update", resource: "pods/status", namespace: "web", code: 200),
        RequestRecord(verb: "list", group: "apps", resource: "statefulsets", namespace: nil, code: 200),
        RequestRecord(verb: "get", resource: "pods", namespace: "web", code: 404),
      ])
  }

  @Test("a command is a request like others: the rate limit counts it, and the observer receives it")
  func commands() async throws {
    let records = Recorder<RequestRecord>()
    let clock = SkippingClock()
    let change = { (options: inout ConnectionOptions) in
      options.onRequest = { records.add($0) }
      options.requestsPerSecond = 1
      options.burst = 1
    }
    let running = Samples.pod(
      "db-0", version: 7,
      more: [
        "status": [
          "containerStatuses": [["name": "app", "containerID": "containerd://a", "state": ["running": [:]]]]
        ]
      ])
    let refused = StubAnswer.status(403, "Forbidden", "pods/exec is forbidden")
    try await withStub([running, running].map { .json($0) } + [refused], clock: clock, options: change) {
      client, stub in
      var request = ExecRequest(command: ["true"], containerID: "containerd://other")
      let other = try await failure { try await client.exec(Samples.web0, request) }
      #expect(other.kind == .conflict)
      request.containerID = "containerd://a"
      let error = try await failure { try await client.exec(Samples.web0, request) }
      #expect(error.kind == .forbidden)
      #expect(stub.lines.last == "GET /api/v1/namespaces/web/pods/db-0/exec")
    }
    #expect(
      records.all.filter { $0.resource == "pods/exec" } == [
        RequestRecord(verb: "get", resource: "pods/exec", namespace: "web", code: 403)
      ])
    #expect(clock.sleeps.count == 3)
  }
}
