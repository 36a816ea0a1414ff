import Crypto
import Diagnostics
import FoundationEssentials
import Reports
import Testing
import Values

@testable import Notifications

@Suite("The texts and requests of notifications")
struct FormatTests {
  private func notification(
    _ object: ObjectReport, subject: String = "Upgrade shop"
  ) throws -> StatusNotification {
    var announcer = Announcer()
    let report = CommitReport(commit: Sample.sha(1), subject: subject, objects: [object])
    return try #require(announcer.commit(report, now: Sample.now).first)
  }

  @Test("a stall says where, what, why, and how to go back")
  func stall() throws {
    let stalled = try notification(
      Sample.object(.failed, message: "shop-broker-2: ErrImagePull", isStalled: true))
    #expect(
      stalled.sentence(installation: "default")
        == "✗ prod/shop stalled: kafka-1 → kafka-2 at 1 of 3 (shop-broker-2: ErrImagePull) · commit aaaaaaa "
        + "\"Upgrade shop\" · revert: git revert aaaaaaa")
  }

  @Test("the end of an upgrade, a created cluster, and another installation")
  func others() throws {
    #expect(
      try notification(Sample.object(.done)).sentence(installation: "default")
        == "✓ prod/shop done: kafka-1 → kafka-2 · commit aaaaaaa \"Upgrade shop\"")
    #expect(
      try notification(Sample.object(.done, change: .create), subject: "").sentence(installation: "blue")
        == "✓ prod/shop done: create · commit aaaaaaa · installation blue")
  }

  @Test("credentials, line breaks and control characters do not leave the machine")
  func redaction() throws {
    let stalled = try notification(
      Sample.object(
        .failed,
        message: "https://me:pw@git.example/x\nglpat-abcdefghijklmnopqrst \u{1B}[2J password: hunter2",
        isStalled: true))
    let text = stalled.json.text() + stalled.sentence(installation: "default")
    for secret in ["me:pw", "glpat-abc", "hunter2", "\u{1B}", "\\u001b"] {
      #expect(!text.contains(secret), "\(secret)")
    }
    #expect(stalled.message?.contains(where: \.isNewline) == false)
  }

  @Test("a long text is cut, also one of a single character with many marks")
  func longTexts() throws {
    let long = String(repeating: "x", count: 10_000) + "e" + String(repeating: "\u{301}", count: 100_000)
    let stalled = try notification(
      Sample.object(.failed, long, message: long, isStalled: true), subject: long)
    #expect(stalled.json.serialized().count < 4_000)
  }

  @Test("hostile text does not mention, link or format in Slack and Mattermost")
  func slackEscapes() throws {
    let hostile =
      "<!channel> <https://evil.example|click> @here #general ~town-square [x](https://evil.example) & www.evil.example"
    let stalled = try notification(
      Sample.object(.failed, message: hostile, isStalled: true), subject: hostile)
    let body = try JSON.parse(stalled.slackRequest(installation: "default").body)
    let text = try #require(body["text"]?.string)
    for forbidden in ["<", ">", "@here", "#general", "~town", "](", "://", "www.evil"] {
      #expect(!text.contains(forbidden), "\(forbidden)")
    }
    #expect(text.contains("&lt;!channel&gt;") && text.contains("&amp;"))
    #expect(body["parse"] == "none" && body["link_names"] == false && body["mrkdwn"] == false)
  }

  @Test("the signature of a webhook covers the body, which has the time of sending")
  func signature() throws {
    let done = try notification(Sample.object(.done))
    let secret = Array("of-the-receiver".utf8)
    let request = done.signedRequest(installation: "blue", secret: secret, now: Sample.now + 5)
    let code = HMAC<SHA256>.authenticationCode(for: request.body, using: SymmetricKey(data: secret))
    let digits = code.map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined()
    #expect(request.headers["X-Kdops-Signature"] == "sha256=\(digits)")
    #expect(request.headers["X-Kdops-Timestamp"] == "\(Sample.now + 5)")
    let body = try JSON.parse(request.body)
    #expect(body["schemaVersion"] == 1 && body["sent"]?.integer == Sample.now + 5)
    #expect(body["id"]?.string == done.id && body["id"]?.string == request.headers["X-Kdops-Id"])
    #expect(body["event"] == "done" && body["installation"] == "blue" && body["change"] == "upgrade")
    #expect(body["object"]?["name"] == "shop" && body["commit"]?.string == Sample.sha(1))
    #expect(done.signedRequest(installation: "blue", secret: nil, now: 0).headers["X-Kdops-Signature"] == nil)
  }

  @Test(
    "each answer says what to do next",
    arguments: [
      (200, nil, DeliveryAnswer.Meaning.delivered), (204, nil, .delivered), (429, "30", .later(.seconds(30))),
      (429, "999999", .later(.seconds(3600))), (503, "soon", .later(nil)), (500, nil, .later(nil)),
      (400, nil, .hopeless), (413, nil, .hopeless),
    ] as [(Int, String?, DeliveryAnswer.Meaning)])
  func answers(_ code: Int, _ pause: String?, _ meaning: DeliveryAnswer.Meaning) {
    #expect(DeliveryAnswer(code: code, retryAfter: pause).meaning == meaning)
  }

  @Test("an answer that needs intervention keeps the notification", arguments: [301, 401, 403, 404, 410])
  func refusals(_ code: Int) {
    let meaning = DeliveryAnswer(code: code, retryAfter: nil).meaning
    guard case .refused = meaning else {
      Issue.record("\(code): \(meaning)")
      return
    }
  }
}
