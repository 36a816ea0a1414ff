import Foundation
import GitStore
import Signatures
import TestSupport
import Testing

@Suite("SSH signatures")
struct SSHSignatureTests {
  /// The input of `ssh-keygen`, and a verifier that uses it.
  private struct SignatureFixture {
    let folder: TemporaryFolder
    let tools: SignatureTools
    var signers: String { "\(folder.path)/signers" }

    init(_ signers: String) throws {
      folder = try TemporaryFolder()
      try signers.write(toFile: "\(folder.path)/signers", atomically: true, encoding: .utf8)
      tools = SignatureTools(
        SignaturePolicy(mode: .range, allowedSigners: "\(folder.path)/signers"), folder: folder.path)
    }
  }

  private static let text = Array("tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n\nBegin\n".utf8)

  private func refusal(_ verdict: SignatureVerdict) -> String? {
    if case .refused(let reason) = verdict { reason } else { nil }
  }

  @Test("made by git is valid, and names the signer")
  func real() async throws {
    let ann = try SSHSigner()
    let desk = try SignatureFixture(ann.line("ann@example.org"))
    let user = try TemporaryRepository()
    try ann.sign(in: user)
    try user.commit(["a": "1"])
    let repository = try await GitRepository.open(path: user.path)
    let head = try await repository.resolve("HEAD")
    let signature = try #require(try await repository.signature(of: head))
    #expect(signature.format == .ssh)
    #expect(await desk.tools.check(signature) == .good("ann@example.org"))
  }

  @Test("is missing if a commit is not signed")
  func unsigned() async throws {
    let desk = try SignatureFixture("")
    let user = try TemporaryRepository()
    try user.commit(["a": "1"])
    let repository = try await GitRepository.open(path: user.path)
    let signature = try await repository.signature(of: try await repository.resolve("HEAD"))
    #expect(signature == nil)
    #expect(await desk.tools.check(signature) == .refused("is not signed"))
  }

  @Test("is valid only as the signer's line allows now")
  func lines() async throws {
    let (ann, eve) = (try SSHSigner(), try SSHSigner("eve"))
    let signature = CommitSignature(text: try ann.signature(over: Self.text), payload: Self.text)
    let unlisted = "is signed with an SSH key that is not among the allowed signers today"
    let cases: [(String, String?)] = [
      (ann.line("ann@example.org", "namespaces=\"git\""), nil),
      (ann.line("*@example.org"), nil),
      (eve.line("eve@example.org") + ann.line("ann@example.org,ann@home.example"), nil),
      (eve.line("ann@example.org"), unlisted),
      (ann.line("ann@example.org", "valid-before=\"20200101\""), unlisted),
      (ann.line("ann@example.org", "valid-after=\"20990101\""), unlisted),
      ("", unlisted),
    ]
    for (line, reason) in cases {
      let desk = try SignatureFixture(line)
      let verdict = await desk.tools.check(signature)
      #expect(refusal(verdict) == reason, "\(line)")
      #expect(verdict.isGood == (reason == nil), "\(line)")
    }
    let desk = try SignatureFixture(ann.line("ann@example.org", "namespaces=\"file\""))
    let other = await desk.tools.check(signature)
    #expect(refusal(other)?.contains("the key is not for git") == true)
  }

  @Test(
    "of a certified key is valid only as its certificate and the authority's line allow now")
  func authority() async throws {
    let (ann, authority) = (try SSHSigner(), try SSHSigner("authority"))
    let lines = authority.line("*@example.org", "cert-authority,namespaces=\"git\"")
    let cases: [(principals: String, validity: String, line: String, isGood: Bool)] = [
      ("ann@example.org", "-1d:+1d", lines, true), ("ann@example.org", "-9d:-1d", lines, false),
      ("ann@example.org", "+1d:+9d", lines, false), ("ann@elsewhere.example", "-1d:+1d", lines, false),
      ("ann@example.org", "-1d:+1d", authority.line("*@example.org"), false),
      (
        "ann@example.org", "-1d:+1d", authority.line("*@example.org", "cert-authority,namespaces=\"file\""),
        false
      ),
      (
        "ann@example.org", "-1d:+1d",
        authority.line("*@example.org", "cert-authority,valid-before=\"20200101\""), false
      ),
    ]
    for (principals, validity, line, isGood) in cases {
      try TemporaryRepository.run(
        [
          "ssh-keygen", "-q", "-s", authority.keyFile, "-I", "ann", "-n", principals, "-V", validity,
          "\(ann.keyFile).pub",
        ], in: nil)
      let made = try ann.signature(over: Self.text, by: "\(ann.keyFile)-cert.pub")
      let desk = try SignatureFixture(line)
      let verdict = await desk.tools.check(CommitSignature(text: made, payload: Self.text))
      #expect(verdict.isGood == isGood, "\(principals) \(validity) \(line)")
    }
  }

  @Test("does not match a changed commit, or another kind of signed content")
  func tampered() async throws {
    let ann = try SSHSigner()
    let desk = try SignatureFixture(ann.line("ann@example.org"))
    let made = try ann.signature(over: Self.text)
    let changed = CommitSignature(text: made, payload: Self.text + Array("!".utf8))
    #expect(refusal(await desk.tools.check(changed))?.contains("does not fit") == true)
    let file = CommitSignature(
      text: try ann.signature(over: Self.text, namespace: "file"), payload: Self.text)
    #expect(refusal(await desk.tools.check(file))?.contains("does not fit") == true)
    let broken = CommitSignature(text: Array(made.prefix(60)), payload: Self.text)
    #expect(refusal(await desk.tools.check(broken)) != nil)
  }

  @Test("cannot be verified without the file of signers; the commit is not rejected")
  func missingFile() async throws {
    let ann = try SSHSigner()
    let desk = try SignatureFixture(ann.line("ann@example.org"))
    try FileManager.default.removeItem(atPath: desk.signers)
    let signature = CommitSignature(text: try ann.signature(over: Self.text), payload: Self.text)
    #expect(await desk.tools.check(signature) == .unknown("cannot be judged: \(desk.signers) cannot be read"))
    #expect(
      await desk.tools.problems()
        == ["verify.allowedSigners: \(desk.signers) cannot be read; check the path and who may read it"])
  }

  @Test("leaves no files behind")
  func files() async throws {
    let ann = try SSHSigner()
    let desk = try SignatureFixture(ann.line("ann@example.org"))
    _ = await desk.tools.check(CommitSignature(text: try ann.signature(over: Self.text), payload: Self.text))
    #expect(try FileManager.default.contentsOfDirectory(atPath: desk.folder.path) == ["signers"])
  }

  @Test("of an unsupported type is refused")
  func kinds() async throws {
    let ann = try SSHSigner()
    let desk = try SignatureFixture(ann.line("ann@example.org"))
    let x509 = CommitSignature(text: Array("-----BEGIN SIGNED MESSAGE-----\n".utf8), payload: Self.text)
    #expect(refusal(await desk.tools.check(x509))?.contains("a kind that is not supported") == true)
    let pgp = CommitSignature(text: Array("-----BEGIN PGP SIGNATURE-----\n".utf8), payload: Self.text)
    #expect(refusal(await desk.tools.check(pgp))?.contains("verify.keyring names no such keys") == true)
  }
}
