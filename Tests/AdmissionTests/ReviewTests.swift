import Diagnostics
import Testing
import Values

@testable import Admission

@Suite("Reviews in and out")
struct ReviewTests {
  @Test("a review is read whole")
  func whole() throws {
    var request = AdmissionRequest.update(Sample.cluster, to: Sample.cluster.managed, by: "alice")
    request.isDryRun = true
    #expect(try AdmissionRequest(review: request.review) == request)
  }

  @Test("without a name of its own a request is about the object's")
  func names() throws {
    var review = AdmissionRequest.delete(Sample.cluster).review
    review["request"]?["name"] = ""
    #expect(try AdmissionRequest(review: review).name == "analytics")
    review["request"]?["name"] = nil
    #expect(try AdmissionRequest(review: review).name == "analytics")
  }

  @Test(
    "what is no review is refused with words",
    arguments: [
      ("", "no JSON"), ("{", "no JSON"), ("[]", "AdmissionReview"), ("{}", "AdmissionReview"),
      (#"{"apiVersion": "admission.k8s.io/v1beta1", "kind": "AdmissionReview"}"#, "admissionReviewVersions"),
      (#"{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}"#, "no request"),
      (#"{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {}}"#, "no uid"),
      (
        #"{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {"uid": "1"}}"#,
        "what kind of object"
      ),
      (
        #"{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {"uid": "1", "kind": {"kind": "Pod"}, "operation": "EAT"}}"#,
        "no operation"
      ),
      (
        #"{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {"uid": "1", "kind": {"kind": "Pod"}, "operation": "UPDATE", "object": {}}}"#,
        "lacks its object"
      ),
    ])
  func malformed(_ text: String, _ word: String) {
    let error = #expect(throws: MalformedReview.self) { try AdmissionRequest(body: text.utf8) }
    #expect(error?.message.contains(word) == true)
  }

  @Test("a body that is nested without end is refused")
  func nesting() {
    let text = String(repeating: "[", count: 100_000)
    #expect(throws: MalformedReview.self) { try AdmissionRequest(body: text.utf8) }
  }

  @Test("an answer bears the request's uid and the version it was asked in")
  func answers() {
    #expect(
      AdmissionAnswer.allowed().review(uid: "6f1c") == [
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "response": ["uid": "6f1c", "allowed": true],
      ])
    #expect(
      AdmissionAnswer.denied("no", ["hm"]).review(uid: "6f1c")["response"] == [
        "uid": "6f1c", "allowed": false,
        "status": ["code": 403, "reason": "Forbidden", "message": "no"], "warnings": ["hm"],
      ])
  }
}

@Suite("Findings in kubectl's output")
struct FindingWordsTests {
  private func findings(_ count: Int, _ severity: Severity, length: Int = 10) -> [Diagnostic] {
    (0..<count).map {
      Diagnostic(
        rule: "cluster/name", severity: severity, message: "\($0) " + String(repeating: "x", count: length))
    }
  }

  @Test("nothing is denied for warnings alone")
  func warningsAlone() {
    #expect(FindingWords.denial(findings(3, .warning), isManaged: false) == nil)
  }

  @Test("errors stand before what waits")
  func order() {
    let both = findings(1, .waiting) + findings(1, .error)
    let lines = FindingWords.denial(both, isManaged: false)?.split(separator: "\n") ?? []
    #expect(lines.map { $0.prefix(5) } == ["error", "waiti"])
  }

  @Test("many findings are counted, and a long one is cut")
  func bounds() throws {
    let text = try #require(FindingWords.denial(findings(500, .error, length: 50), isManaged: false))
    #expect(text.utf8.count < FindingWords.denialLimit + 100)
    let shown = text.split(separator: "\n").count - 1
    #expect(text.hasSuffix("\nand \(500 - shown) more"))
    let long = try #require(FindingWords.denial(findings(1, .error, length: 9000), isManaged: false))
    #expect(long.utf8.count <= FindingWords.lineLimit)
    #expect(long.hasSuffix("…"))
  }

  @Test("warnings are few and short")
  func warnings() {
    let shown = FindingWords.warnings(findings(9, .warning, length: 900), after: ["first"])
    #expect(shown.count == FindingWords.warningCount)
    #expect(shown.first == "first")
    #expect(shown.last == "and 6 more warnings")
    #expect(shown.allSatisfy { $0.count <= FindingWords.warningLimit })
  }

  @Test("nothing in them is a command to a terminal")
  func controlCharacters() {
    let evil = [Diagnostic(rule: "app/name", severity: .error, message: "a\u{1B}[2Jb\nc")]
    #expect(FindingWords.denial(evil, isManaged: false) == "error[app/name] a␛[2Jb␊c")
  }
}
