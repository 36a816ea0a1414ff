import Testing
import Values

@testable import Webhooks

@Suite("Decisions about webhooks")
struct WebhookHandlerTests {
  private let handler = WebhookHandler(
    WebhookSettings(
      address: "127.0.0.1", port: 0, secretFile: "/none", branch: "main",
      repository: RepositoryName(path: "/team/fleet.git")))

  private func reply(
    _ sender: WebhookSender, _ body: [UInt8], _ head: WebhookHandler.Head? = nil
  ) -> WebhookHandler.Reply {
    let head = head ?? Delivery.head(sender, body)
    return handler.refusal(head) ?? handler.reply(head, body: body, secrets: Delivery.secrets)
  }

  @Test("a push of the followed branch leads to a fetch", arguments: WebhookSender.allCases)
  func push(_ sender: WebhookSender) {
    let reply = reply(sender, Delivery.payload(sender))
    #expect(reply.status == 202 && reply.fetches)
  }

  @Test(
    "the same request sent again leads to one more fetch and nothing else", arguments: WebhookSender.allCases)
  func replay(_ sender: WebhookSender) {
    let body = Delivery.payload(sender)
    #expect(reply(sender, body) == reply(sender, body))
  }

  @Test(
    "another branch, a tag or another repository is ignored, as a success", arguments: WebhookSender.allCases)
  func others(_ sender: WebhookSender) {
    for body in [
      Delivery.payload(sender, ref: "refs/heads/topic"), Delivery.payload(sender, ref: "refs/tags/main"),
      Delivery.payload(sender, repository: "team/other"), Delivery.payload(sender, repository: "fleet2"),
      Delivery.payload(sender, repository: ""),
    ] {
      let reply = reply(sender, body)
      #expect(reply.status == 202 && !reply.fetches, "\(String(decoding: body, as: UTF8.self))")
    }
  }

  @Test("another secret is refused before the body is read as JSON", arguments: WebhookSender.allCases)
  func wrongSecret(_ sender: WebhookSender) {
    for body in [Delivery.payload(sender), Array("no JSON".utf8), []] {
      let head = Delivery.head(sender, body, secret: "a-secret-of-the-webhooks")
      #expect(reply(sender, body, head).status == 401)
    }
  }

  @Test("a missing, empty, cut or repeated credential is refused", arguments: WebhookSender.allCases)
  func malformed(_ sender: WebhookSender) {
    let body = Delivery.payload(sender)
    let right = Delivery.head(sender, body)
    let credential = right.headers[sender.credentialHeader] ?? ""
    for wrong in [
      "", "sha256=", "sha1=\(credential)", String(credential.dropLast()), String(credential.dropLast(2)),
      "\(credential), \(credential)", "\(credential)00", "sha256=\(String(repeating: "é", count: 32))",
    ] {
      var head = right
      head.headers[sender.credentialHeader] = wrong
      #expect(reply(sender, body, head).status == 401, "\(wrong)")
    }
    var head = right
    head.headers[sender.credentialHeader] = nil
    #expect(reply(sender, body, head).status == 401)
  }

  @Test("the credential of one sender does not count for another")
  func otherSender() {
    let body = Delivery.payload(.github)
    var head = Delivery.head(.github, body)
    head.path = "/hooks/gitlab"
    #expect(reply(.gitlab, body, head).status == 401)
  }

  @Test(
    "a changed body is refused where the body is signed", arguments: [WebhookSender.github, .gitea, .generic])
  func changedBody(_ sender: WebhookSender) {
    let head = Delivery.head(sender, Delivery.payload(sender))
    #expect(reply(sender, Delivery.payload(sender, ref: "refs/heads/mainn"), head).status == 401)
  }

  @Test("the first and the second secret of a file count, so that a secret can be replaced")
  func rotation() throws {
    let secrets = try #require(WebhookSecrets("  the-former-secret-1 \n\nthe-present-secret\r\n"))
    for secret in ["the-former-secret-1", "the-present-secret"] {
      for sender in WebhookSender.allCases {
        let body = Delivery.payload(sender)
        let head = Delivery.head(sender, body, secret: secret)
        #expect(handler.reply(head, body: body, secrets: secrets).status == 202)
      }
    }
    for text in ["", " \n ", "short", "long-enough-secret-1\nshort"] { #expect(WebhookSecrets(text) == nil) }
  }

  @Test("without a usable file of secrets nothing is accepted")
  func noSecrets() {
    let body = Delivery.payload(.gitlab)
    #expect(handler.reply(Delivery.head(.gitlab, body), body: body, secrets: nil).status == 503)
  }

  @Test(
    "other events are ignored, as a success, whatever their body",
    arguments: [
      (WebhookSender.github, "ping"), (.github, "pull_request"), (.gitlab, "Tag Push Hook"),
      (.gitlab, "Merge Request Hook"), (.gitea, "create"),
    ])
  func events(_ sender: WebhookSender, _ event: String) {
    let body = Array("{\"zen\": \"Keep it logically awesome.\"}".utf8)
    let reply = reply(sender, body, Delivery.head(sender, body, event: event))
    #expect(reply.status == 202 && !reply.fetches)
  }

  @Test("a system hook of GitLab counts if its event is a push")
  func systemHook() {
    let body = Delivery.payload(.gitlab)
    #expect(reply(.gitlab, body, Delivery.head(.gitlab, body, event: "System Hook")).fetches)
    let other = Array("{\"event_name\": \"project_create\"}".utf8)
    #expect(!reply(.gitlab, other, Delivery.head(.gitlab, other, event: "System Hook")).fetches)
  }

  @Test("a generic sender may leave the body empty")
  func emptyBody() { #expect(reply(.generic, []).fetches) }

  @Test("a push that is no JSON object is refused", arguments: ["", "[]", "{", "7"])
  func noJSON(_ text: String) {
    #expect(reply(.github, Array(text.utf8)).status == 400)
  }

  @Test("a form is refused with the setting to change")
  func form() {
    let body = Array("payload=%7B%7D".utf8)
    var head = Delivery.head(.github, body)
    head.headers["content-type"] = "application/x-www-form-urlencoded"
    #expect(reply(.github, body, head).status == 415)
    head = Delivery.head(.github, Delivery.payload(.github))
    head.headers["content-type"] = "application/json; charset=utf-8"
    #expect(reply(.github, Delivery.payload(.github), head).status == 202)
  }

  @Test("other paths, methods and sizes are refused from the head alone")
  func heads() {
    let body = Delivery.payload(.github)
    var head = Delivery.head(.github, body)
    head.headers["content-length"] = "\(WebhookHandler.bodyLimit + 1)"
    #expect(handler.refusal(head)?.status == 413)
    #expect(handler.refusal(Delivery.head(.github, body, method: "GET"))?.status == 405)
    for path in ["/", "/hooks/", "/hooks/bitbucket", "/hooks/github/", "/HOOKS/github"] {
      head.path = path
      #expect(handler.refusal(head)?.status == 404, "\(path)")
    }
  }

  @Test("a repository is recognized by its path, also below a prefix of the forge")
  func repositories() throws {
    for path in ["/team/fleet.git", "/team/fleet/", "/~/team/fleet", "/gitlab/Team/Fleet.git"] {
      let name = try #require(RepositoryName(path: path))
      #expect(name.isNamed("team/fleet") && name.isNamed("Team/Fleet"), "\(path)")
      #expect(!name.isNamed("am/fleet") && !name.isNamed("team/fleet2") && !name.isNamed(""), "\(path)")
    }
    #expect(RepositoryName(path: "/") == nil)
  }
}
