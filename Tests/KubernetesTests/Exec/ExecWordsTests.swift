import ClusterAPI
import Testing

@testable import Kubernetes

@Suite("Server messages about a command")
struct ExecWordsTests {
  private static let pod = ObjectName(namespace: "prod", name: "p")

  @Test(
    "a Status determines how the command ended",
    arguments: [
      (#"{"metadata":{},"status":"Success"}"#, ExecStatus.exited(0)),
      (ExecTalk.status(137), .exited(137)),
      (
        #"{"status":"Failure","message":"no such container","reason":"InternalError","details":{}}"#,
        .failed("no such container")
      ),
      (#"{"status":"Failure","details":{"causes":[{"message":"the cause"}]}}"#, .failed("the cause")),
      (
        #"{"status":"Failure","reason":"NonZeroExitCode","message":"odd","details":{"causes":[{"reason":"ExitCode","message":"x"}]}}"#,
        .failed("odd")
      ),
      (#"{"status":"Failure"}"#, .failed("the server did not say why")),
    ])
  func status(text: String, meaning: ExecStatus) {
    #expect(ExecStatus(Array(text.utf8)) == meaning)
  }

  @Test(
    "an incomplete or malformed Status is ignored",
    arguments: ["", "{", #"{"status":1}"#, "[]", #"{"status":"Success"} x"#])
  func noStatus(text: String) {
    #expect(ExecStatus(Array(text.utf8)) == nil)
  }

  @Test(
    "HTTP code and message of a refusal determine the error's kind",
    arguments: [
      (400, "container nope is not valid for pod p", APIError.Kind.notStarted),
      (400, "pod p does not have a host assigned", .notRunning),
      (400, "cannot exec into a container in a completed pod; current phase is Failed", .notRunning),
      (400, "something else", .notStarted),
      (401, "Unauthorized", .unauthorized),
      (403, "no", .forbidden),
      (404, #"pods "p" not found"#, .notFound),
      (409, "the object has been modified", .conflict),
      (409, "container is not running", .notRunning),
      (429, "slowly", .throttled),
      (500, #"unable to upgrade connection: container not found ("app")"#, .notRunning),
      (500, "container is in CONTAINER_EXITED state", .notRunning),
      (500, "error dialing backend: dial tcp 10.0.0.1:10250: connect: connection refused", .unavailable),
      (500, "open /var/lib/x: no such file or directory", .unavailable),
      (502, "bad gateway", .unavailable), (503, "etcd is away", .unavailable), (504, "late", .unavailable),
      (200, "hello", .unsupported), (302, "over there", .unsupported), (418, "teapot", .notStarted),
    ])
  func refusal(code: Int, words: String, kind: APIError.Kind) {
    let body = #"{"kind":"Status","message":"\#(words.replacing("\"", with: "\\\""))"}"#
    let error = ExecRefusal(code: code, retryAfter: .seconds(1), body: Array(body.utf8)).error(Self.pod)
    #expect(error.kind == kind)
    #expect(error.message.hasPrefix("Pod prod/p: "))
    #expect(error.message.contains(words))
    #expect(error.retryAfter == .seconds(1))
  }

  @Test("a missing permission is named together with the command that fixes it")
  func forbidden() {
    let error = ExecRefusal(code: 403, body: Array(#"{"message":"User \"u\" cannot create pods/exec"}"#.utf8))
      .error(
        Self.pod)
    #expect(
      error.message == "Pod prod/p: commands are not allowed: User \"u\" cannot create pods/exec; "
        + "\"get\" and \"create\" on pods/exec in namespace prod are needed, "
        + "and `kdops install --export` prints the role that grants them")
  }

  @Test("the server's message becomes one line of bounded length")
  func longWords() {
    let body = #"{"message":"first\n\nsecond\#(String(repeating: "!", count: 9000))"}"#
    let message = ExecRefusal(code: 500, body: Array(body.utf8)).error(Self.pod).message
    #expect(message.hasPrefix("Pod prod/p: no command can run now: first second!!!"))
    #expect(message.count < 2100)
  }

  @Test("a refusal without a Status is reported with its HTTP code")
  func noWords() {
    #expect(
      ExecRefusal(code: 502, body: Array("<html>".utf8)).error(Self.pod).message
        == "Pod prod/p: no command can run now (HTTP status 502)")
  }

  @Test(
    "messages of container runtimes determine the error's kind",
    arguments: [
      (
        #"OCI runtime exec failed: exec failed: container_linux.go:367: starting container process caused: exec: "nope": executable file not found in $PATH: unknown"#,
        APIError.Kind.notStarted
      ),
      ("cannot exec in a stopped state: unknown", .notRunning),
      ("failed to exec in container: container is in CONTAINER_EXITED state", .notRunning),
      ("rpc error: code = Unavailable desc = transport is closing", .unavailable),
    ])
  func runtime(words: String, kind: APIError.Kind) {
    #expect(ExecErrorText.kind(words) == kind)
  }

  @Test("Retry-After is a number of seconds", arguments: [("7", 7), ("0", 0)])
  func retryAfter(header: String, seconds: Int) {
    #expect(ExecRefusal.retryAfter(header) == .seconds(seconds))
  }

  @Test(
    "any other Retry-After is ignored", arguments: [nil, "", "-1", "soon", "99999999999999999999", "1.5"])
  func noRetryAfter(header: String?) {
    #expect(ExecRefusal.retryAfter(header) == nil)
  }
}
