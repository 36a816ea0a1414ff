import ClusterAPI
import FoundationEssentials
import TestSupport
import Testing
import Values

@testable import Kubernetes

@Suite("Credential rotation")
struct CredentialTests {
  private let fine = StubAnswer.json(Samples.pod("db-0", version: 8))
  private let unknown = StubAnswer.status(401, "Unauthorized", "Unauthorized")

  private func timekeeper(_ clock: some Clock<Duration>) -> Timekeeper { Timekeeper(clock, wall: { 0 }) }

  @Test("a token file is read again once its token is one minute old, and not before")
  func tokenFile() async throws {
    let folder = try Folder()
    let clock = TestClock()
    let file = TokenFile(try folder.write("token", "one\n"), time: timekeeper(clock))
    var seen: [String?] = []
    seen.append(try await file.authorization())
    try folder.write("token", "two\n")
    clock.advance(by: .seconds(59))
    seen.append(try await file.authorization())
    clock.advance(by: .seconds(1))
    seen.append(try await file.authorization())
    #expect(seen == ["Bearer one", "Bearer one", "Bearer two"])
  }

  @Test("if a token file is missing for a moment, the last token stays in use")
  func vanishedTokenFile() async throws {
    let folder = try Folder()
    let clock = TestClock()
    let path = try folder.write("token", "one")
    let file = TokenFile(path, time: timekeeper(clock))
    _ = try await file.authorization()
    try FileManager.default.removeItem(atPath: path)
    await file.forget()
    let header = try await file.authorization()
    #expect(header == "Bearer one")
  }

  @Test("a token file that never existed is named in the error")
  func noTokenFile() async throws {
    let file = TokenFile("/nowhere/token", time: timekeeper(TestClock()))
    let error = try await failure { try await file.authorization() }
    #expect(error.kind == .unauthorized && error.message.contains("/nowhere/token"))
  }

  @Test("after a 401 the token is read again and the call is retried once")
  func unauthorizedOnce() async throws {
    let folder = try Folder()
    let clock = SkippingClock()
    let path = try folder.write("token", "old")
    let file = TokenFile(path, time: timekeeper(clock))
    let rotating = StubAnswer { request, connection in
      try folder.write("token", "fresh-token")
      try await unknown.give(request, connection)
    }
    let authority = try TestAuthority()
    let stub = StubServer([rotating, fine, unknown, unknown])
    let port = try await stub.start(tls: try authority.server())
    let server = try TestServer.secure(port, authority: authority, credentials: file)
    try await using(server, clock: clock, stopping: stub) { client in
      _ = try await client.create(Object(Samples.pod("db-0", version: 7)))
      #expect(stub.requests.map(\.authorization) == ["Bearer old", "Bearer fresh-token"])
      let error = try await failure { try await client.get(.pods, Samples.web0) }
      #expect(error.kind == .unauthorized)
      #expect(stub.requests.count == 4)
      #expect(!"\(error)".contains("fresh-token"))
    }
  }

  @Test("the service account is read from its token, and from no other kind of token")
  func serviceAccount() {
    func token(_ claims: String) -> String {
      "e30.\(Data(claims.utf8).base64EncodedString().replacing("=", with: "")).sig"
    }
    #expect(
      Secret.serviceAccount(ofToken: token("{\"sub\":\"system:serviceaccount:a:b\"}"))
        == "system:serviceaccount:a:b")
    #expect(Secret.serviceAccount(ofToken: token("{\"sub\":\"jane\"}")) == nil)
    #expect(Secret.serviceAccount(ofToken: token("{")) == nil)
    #expect(Secret.serviceAccount(ofToken: "opaque") == nil)
  }
}
