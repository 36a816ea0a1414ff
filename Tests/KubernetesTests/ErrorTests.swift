import ClusterAPI
import NIOCore
import Testing
import Values

@testable import Kubernetes

@Suite("API errors")
struct ErrorTests {
  private func error(
    _ code: Int, _ reason: String, _ message: String = "as the server says", details: JSON = [:],
    _ verb: Verb = .get, identity: String? = nil
  ) throws -> APIError {
    let request = try APIRequest(verb, .statefulSets, namespace: "web", name: verb == .create ? nil : "db")
    let body = StubAnswer.failure(code, reason, message, details: details).serialized()
    return ServerAnswer(code: code, body: ByteBuffer(bytes: body), retryAfter: nil, wall: 0)
      .error(request, identity: identity)
  }

  @Test(
    "the reason of a Status determines the kind of the error",
    arguments: [
      (404, "NotFound", APIError.Kind.notFound), (409, "AlreadyExists", .alreadyExists),
      (409, "Conflict", .conflict),
      (410, "Gone", .gone), (410, "Expired", .gone), (422, "Invalid", .invalid),
      (400, "BadRequest", .invalid),
      (401, "Unauthorized", .unauthorized), (403, "Forbidden", .forbidden),
      (413, "RequestEntityTooLarge", .invalid),
      (429, "TooManyRequests", .throttled), (500, "InternalError", .unavailable), (504, "Timeout", .timeout),
      (500, "ServerTimeout", .timeout), (503, "ServiceUnavailable", .unavailable),
      (405, "MethodNotAllowed", .unsupported),
    ])
  func reasons(code: Int, reason: String, kind: APIError.Kind) throws {
    let error = try error(code, reason)
    #expect(error.kind == kind)
    #expect(error.message.contains("statefulsets.apps web/db"))
  }

  @Test(
    "without a reason, the HTTP code determines the kind",
    arguments: [
      (409, APIError.Kind.conflict), (410, .gone), (413, .invalid), (403, .forbidden), (429, .throttled),
      (500, .unavailable), (502, .unavailable), (408, .timeout), (418, .other),
    ])
  func codes(code: Int, kind: APIError.Kind) throws {
    let request = try APIRequest(.get, .pods, namespace: "web", name: "db-0")
    let answer = ServerAnswer(code: code, body: ByteBuffer(string: "<html>"), retryAfter: nil, wall: 0)
    #expect(answer.error(request, identity: nil).kind == kind)
  }

  @Test("a missing permission is named in RBAC terms, with the command that prints the role")
  func forbidden() throws {
    let error = try error(
      403, "Forbidden", "statefulsets.apps is forbidden: User \"x\" cannot create resource \"statefulsets\"",
      .create,
      identity: "system:serviceaccount:kdops-system:kdops")
    #expect(
      error.message
        == "statefulsets.apps in web: system:serviceaccount:kdops-system:kdops lacks the permission to create "
        + "statefulsets.apps in namespace web; `kdops install --export` prints the role that grants it")
  }

  @Test("a refusal by admission or quota keeps the server's message")
  func quota() throws {
    let error = try error(403, "Forbidden", "exceeded quota: small, requested: pods=1", .create)
    #expect(error.message == "statefulsets.apps in web: exceeded quota: small, requested: pods=1")
  }

  @Test(
    "creating an object in a missing namespace names the namespace, and is not reported as an unknown kind")
  func noNamespace() throws {
    let error = try error(
      404, "NotFound", "namespaces \"web\" not found", details: ["name": "web", "kind": "namespaces"], .create
    )
    #expect(error.kind == .notFound)
    #expect(error.message.contains("namespaces \"web\" not found"))
  }

  @Test("Retry-After is passed on, from the header or from the status")
  func retryAfter() throws {
    let request = try APIRequest(.get, .pods, namespace: "web", name: "db-0")
    func retryAfter(_ header: String?, _ details: JSON = [:]) -> Duration? {
      let body = StubAnswer.failure(429, "TooManyRequests", "busy", details: details).serialized()
      return ServerAnswer(code: 429, body: ByteBuffer(bytes: body), retryAfter: header, wall: 1000)
        .error(request, identity: nil).retryAfter
    }
    #expect(retryAfter("7") == .seconds(7))
    #expect(retryAfter(nil, ["retryAfterSeconds": 4]) == .seconds(4))
    #expect(retryAfter("Thu, 01 Jan 1970 00:16:45 GMT") == .seconds(5))
    #expect(retryAfter("Thu, 01 Jan 1970 00:00:00 GMT") == .zero)
    #expect(retryAfter("1e300") == .seconds(3600))
    #expect(retryAfter("soon") == nil)
    #expect(retryAfter(nil) == nil)
  }

  @Test("dates are parsed in HTTP's form, and times in RFC 3339's")
  func dates() {
    #expect(WallClock.seconds(httpDate: "Sun, 06 Nov 1994 08:49:37 GMT") == 784_111_777)
    #expect(WallClock.seconds(httpDate: "Thu, 29 Feb 2024 00:00:00 GMT") == 1_709_164_800)
    #expect(WallClock.seconds(httpDate: "Sun, 32 Nov 1994 08:49:37 GMT") == nil)
    #expect(WallClock.seconds(httpDate: "tomorrow") == nil)
    #expect(WallClock.seconds(timestamp: "2024-02-29T00:00:00Z") == 1_709_164_800)
    #expect(WallClock.seconds(timestamp: "2024-02-29T01:00:00.5+01:00") == 1_709_164_800.5)
    #expect(WallClock.seconds(timestamp: "2024-02-29") == nil)
  }
}
