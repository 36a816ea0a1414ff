import Foundation
import GitStore
import TestSupport
import Testing

@testable import Signatures

@Suite("OpenPGP signatures")
struct OpenPGPSignatureTests {
  private static let text = Array("tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n\nBegin\n".utf8)

  private func check(
    _ text: [UInt8], over payload: [UInt8] = text, _ keyring: String, _ folder: TemporaryFolder
  ) async -> SignatureVerdict {
    let policy = SignaturePolicy(mode: .range, keyring: keyring)
    return await SignatureTools(policy, folder: folder.path + "/moment").check(
      CommitSignature(text: text, payload: payload))
  }

  private func refusal(_ verdict: SignatureVerdict) -> String? {
    if case .refused(let reason) = verdict { reason } else { nil }
  }

  @Test(
    "the name of a key cannot add a line to gpgv's status output",
    arguments: ["\u{2028}", "\u{85}", "\u{B}", "\u{C}", "\r"])
  func statusLines(separator: String) {
    let name = "Mallory\(separator)[GNUPG:] GOODSIG 22 Admin\(separator)[GNUPG:] NEWSIG"
    let output = "[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG 11 \(name)\n[GNUPG:] VALIDSIG 11 2024-01-01\n"
    #expect(OpenPGPStatus.verdict(output) == .good("\(name) (11)"))
  }

  @Test("made by git are valid, for armored and binary keys", arguments: [true, false])
  func real(armored: Bool) async throws {
    let (pgp, folder) = (try PGPSigner(), try TemporaryFolder())
    try pgp.make("bo")
    try pgp.make("ann")
    let keyring = "\(folder.path)/keys"
    try pgp.export(["bo", "ann"], armored: armored, to: keyring)
    let user = try TemporaryRepository()
    try user.write(["a": "1"])
    try user.git("add", "a")
    try user.git(
      "commit", "--quiet", "--message", "Begin", "--gpg-sign=ann@example.org",
      environment: ["GNUPGHOME": pgp.home])
    let repository = try await GitRepository.open(path: user.path)
    let signature = try #require(
      try await repository.signature(of: try await repository.resolve("HEAD")))
    #expect(signature.format == .openPGP)
    let verdict = await check(signature.text, over: signature.payload, keyring, folder)
    guard case .good(let signer) = verdict else { return #expect(Bool(false), "\(verdict)") }
    #expect(signer.hasPrefix("ann <ann@example.org> ("))
  }

  @Test("are valid only for a listed key that is not expired or revoked")
  func keys() async throws {
    let (pgp, folder) = (try PGPSigner(), try TemporaryFolder())
    try pgp.make("ann")
    try pgp.make("eve")
    try pgp.make("old", at: "20200101T000000", expiry: "1y")
    let keyring = "\(folder.path)/keys"
    try pgp.export(["ann", "old"], to: keyring)
    let good = try pgp.signature(over: Self.text, by: "ann")
    #expect(await check(good, keyring, folder).isGood)
    let changed = await check(good, over: Self.text + Array("!".utf8), keyring, folder)
    #expect(refusal(changed)?.contains("does not fit: the commit was changed") == true)
    let stranger = await check(try pgp.signature(over: Self.text, by: "eve"), keyring, folder)
    #expect(refusal(stranger)?.contains("not among the keys") == true)
    // Made while the key was valid: the maker of a signature sets its time.
    let expired = try pgp.signature(over: Self.text, by: "old", at: "20200601T000000")
    #expect(refusal(await check(expired, keyring, folder))?.contains("has expired") == true)
    let two = await check(good + (try pgp.signature(over: Self.text, by: "ann")), keyring, folder)
    #expect(refusal(two) == "has more than one signature")
    #expect(refusal(await check(Array(good.prefix(40)), keyring, folder)) != nil)
  }

  @Test("are refused if gpgv reports a revoked key or an expired signature, whatever its exit code is")
  func status() {
    let valid = "[GNUPG:] VALIDSIG 2EDF 2026-11-22 1 0 4 0 22 8 00 2EDF\n"
    func reason(_ lines: String) -> String? {
      refusal(OpenPGPStatus.verdict("[GNUPG:] NEWSIG\n" + lines))
    }
    #expect(
      reason("[GNUPG:] REVKEYSIG A1 Ann\n" + valid) == "is signed with the key of Ann (A1), which was revoked"
    )
    #expect(reason("[GNUPG:] EXPSIG A1 Ann\n" + valid) == "has a signature of Ann (A1) that has expired")
    #expect(reason("[GNUPG:] GOODSIG A1 Ann\n") == "has a signature that cannot be read")
    #expect(reason("gpgv: GOODSIG A1 Ann\n" + valid) == "has a signature that cannot be read")
    #expect(reason("") == "has a signature that cannot be read")
    #expect(reason("[GNUPG:] GOODSIG A1 Ann\n" + valid) == nil)
  }

  @Test("a message signed by a listed key is no signature of a commit, even next to a valid one")
  func message() async throws {
    let (signer, folder) = (try PGPSigner(), try TemporaryFolder())
    try signer.make("ann")
    let keyring = "\(folder.path)/keys.asc"
    try signer.export(["ann"], to: keyring)
    let payload = Array("tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n\nBegin\n".utf8)
    let (file, inline) = ("\(folder.path)/mail", "\(folder.path)/mail.asc")
    try "Good morning\n".write(toFile: file, atomically: true, encoding: .utf8)
    try signer.gpg("--armor", "--sign", "--local-user", "ann@example.org", "--output", inline, file)
    let message = Array(try Data(contentsOf: URL(fileURLWithPath: inline)))
    let detached = try signer.signature(over: payload, by: "ann")
    let tools = SignatureTools(SignaturePolicy(mode: .range, keyring: keyring), folder: folder.path)
    #expect(await tools.check(CommitSignature(text: detached, payload: payload)).isGood)
    for text in [message, message + detached, detached + message] {
      #expect(await !tools.check(CommitSignature(text: text, payload: payload)).isGood)
    }
  }

  @Test("cannot be verified if the keyring contains no keys")
  func noKeys() async throws {
    let (pgp, folder) = (try PGPSigner(), try TemporaryFolder())
    try pgp.make("ann")
    let keyring = "\(folder.path)/keys"
    try "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA".write(
      toFile: keyring, atomically: true, encoding: .utf8)
    let verdict = await check(try pgp.signature(over: Self.text, by: "ann"), keyring, folder)
    guard case .unknown(let reason) = verdict else { return #expect(Bool(false), "\(verdict)") }
    #expect(reason.contains("is no file of OpenPGP keys"))
  }
}
