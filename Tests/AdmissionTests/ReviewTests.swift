import Diagnostics
import Testing
import Values

@testable import Admission

@Suite("Parsing and answering reviews")
struct ReviewTests {
  @Test("a review is parsed completely")
  func whole() throws {
    var request = AdmissionRequest.update(Sample.cluster, to: Sample.cluster.managed, by: "alice")
    request.isDryRun = true
    #expect(try AdmissionRequest(review: request.review) == request)
  }

  @Test("a request without a name gets the object's")
  func names() throws {
    var review = AdmissionRequest.delete(Sample.cluster).review
    review["request"]?["name"] = ""
    #expect(try AdmissionRequest(review: review).name == "analytics")
    review["request"]?["name"] = nil
    #expect(try AdmissionRequest(review: review).name == "analytics")
  }

  @Test(
    "anything that is no review is refused with a reason",
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

  @Test("a body that is nested too deeply is refused")
  func nesting() {
    let text = String(repeating: "[", count: 100_000)
    #expect(throws: MalformedReview.self) { try AdmissionRequest(body: text.utf8) }
  }

  @Test("an answer has the request's uid and its API version")
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

  @Test("warnings alone deny nothing")
  func warningsAlone() {
    #expect(FindingWords.denial(findings(3, .warning), isManaged: false) == nil)
  }

  @Test("errors come before waiting changes")
  func order() {
    let both = findings(1, .waiting) + findings(1, .error)
    let lines = FindingWords.denial(both, isManaged: false)?.split(separator: "\n") ?? []
    #expect(lines.map { $0.prefix(5) } == ["error", "waiti"])
  }

  @Test("a long list of findings is cut and counted, and a long finding is cut")
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

  @Test("the text contains no control character for a terminal")
  func controlCharacters() {
    let evil = [Diagnostic(rule: "app/name", severity: .error, message: "a\u{1B}[2Jb\nc")]
    #expect(FindingWords.denial(evil, isManaged: false) == "error[app/name] a␛[2Jb␊c")
  }
}
