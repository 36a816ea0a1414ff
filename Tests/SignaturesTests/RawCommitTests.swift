import Foundation
import GitStore
import Signatures
import TestSupport
import Testing

/// Git itself verifies every commit: a commit that git refuses must not be valid here.
@Suite("Signatures over the commit as git stores it")
struct RawCommitTests {
  /// A signer, a repository, and a verifier of its signatures.
  private struct SignatureFixture {
    let ann: SSHSigner
    let folder: TemporaryFolder
    let user: TemporaryRepository
    let tools: SignatureTools
    private var signers: String { "\(folder.path)/signers" }

    init() throws {
      ann = try SSHSigner()
      folder = try TemporaryFolder()
      user = try TemporaryRepository()
      try user.git("hash-object", "-t", "tree", "-w", "--stdin")
      tools = SignatureTools(
        SignaturePolicy(mode: .range, allowedSigners: "\(folder.path)/signers"), folder: folder.path)
      try ann.line("ann@example.org").write(toFile: signers, atomically: true, encoding: .utf8)
    }

    /// A header with a signature over the text.
    func header(over text: [UInt8], by signer: SSHSigner? = nil, named name: String = "gpgsig") throws
      -> [UInt8]
    {
      let made = String(decoding: try (signer ?? ann).signature(over: text), as: UTF8.self)
      let lines = made.split(separator: "\n").joined(separator: "\n ")
      return Array("\(name) \(lines)\n".utf8)
    }

    /// The verdicts of git and of the verifier on a commit.
    func judge(_ commit: [UInt8]) async throws -> (git: Bool, own: SignatureVerdict) {
      let file = "\(folder.path)/commit"
      try Data(commit).write(to: URL(fileURLWithPath: file))
      let id = try user.git("hash-object", "-t", "commit", "-w", "--literally", file)
      let git = try? user.git("-c", "gpg.ssh.allowedSignersFile=\(signers)", "verify-commit", id)
      let repository = try await GitRepository.open(path: user.path)
      let signature = try await repository.signature(of: try #require(ObjectID(hex: id)))
      return (git != nil, await tools.check(signature))
    }
  }

  private static let empty = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
  private static let person = "Ann <ann@example.org> 1700000000 +0000"

  private static func headers(_ more: String = "") -> [UInt8] {
    Array("tree \(empty)\nauthor \(person)\ncommitter \(person)\n\(more)".utf8)
  }

  private static func refusal(_ verdict: SignatureVerdict) -> String? {
    if case .refused(let reason) = verdict { reason } else { nil }
  }

  @Test(
    "cover every other header unchanged, and every byte of the message",
    arguments: [
      ("", "Begin\n"), ("", "no newline at the end"), ("", ""), ("encoding ISO-8859-1\n", "Gr\u{FC}n\n"),
      ("encoding a\nencoding b\n", "Twice\n"), ("HG:extra a\n b\n", "Goes on\n"),
      ("", "zero \0 byte\nand more\n"), ("", "gpgsig of old\n in the message\n"),
      (
        "mergetag object \(empty)\n type commit\n tag v1\n tagger \(person)\n \n Tag\n"
          + " -----BEGIN SSH SIGNATURE-----\n gpgsig none\n -----END SSH SIGNATURE-----\n",
        "Merge\n"
      ),
    ])
  func whole(headers: String, message: String) async throws {
    let desk = try SignatureFixture()
    let (head, tail) = (Self.headers(headers), Array("\n\(message)".utf8))
    // As git does it when it signs, and with another header between the signature and the message.
    for (before, after) in [(head, tail), (Self.headers(), Array("\(headers)\n\(message)".utf8))] {
      let commit = before + (try desk.header(over: before + after)) + after
      let found = try await desk.judge(commit)
      #expect(found.git && found.own == .good("ann@example.org"))
    }
  }

  @Test("do not cover text after a zero byte")
  func zero() async throws {
    let desk = try SignatureFixture()
    let (head, tail) = (Self.headers(), Array("\nBegin\n".utf8))
    let found = try await desk.judge(
      head + (try desk.header(over: head + tail)) + tail + Array("\0more".utf8))
    #expect(!found.git && Self.refusal(found.own)?.contains("does not fit") == true)
  }

  @Test("in the message do not count")
  func message() async throws {
    let desk = try SignatureFixture()
    let (head, tail) = (Self.headers(), Array("\nBegin\n".utf8))
    let signature = try desk.header(over: head + tail)
    let found = try await desk.judge(head + tail + signature)
    #expect(!found.git && Self.refusal(found.own) == "is not signed")
  }

  @Test("do not cover the signature header of another hash, which alone is no signature")
  func otherHash() async throws {
    let desk = try SignatureFixture()
    let (head, tail) = (Self.headers(), Array("\nBegin\n".utf8))
    let other = Array("gpgsig-sha256 anything\n goes\n".utf8)
    let signature = try desk.header(over: head + tail)
    for headers in [other + signature, signature + other] {
      let found = try await desk.judge(head + headers + tail)
      #expect(found.git && found.own == .good("ann@example.org"))
    }
    let alone = try desk.header(over: head + tail, named: "gpgsig-sha256")
    let found = try await desk.judge(head + alone + tail)
    #expect(!found.git && Self.refusal(found.own) == "is not signed")
  }

  @Test("do not match if a header was added, removed or repeated")
  func tampered() async throws {
    let desk = try SignatureFixture()
    let (head, tail) = (Self.headers("encoding UTF-8\n"), Array("\nBegin\n".utf8))
    let signature = try desk.header(over: head + tail)
    for changed in [Self.headers(), head + Array("encoding UTF-8\n".utf8), head + Array("x y\n".utf8)] {
      let found = try await desk.judge(changed + signature + tail)
      #expect(!found.git && Self.refusal(found.own)?.contains("does not fit") == true)
    }
  }

  @Test("are refused if there are several: git accepts two together and verifies the first")
  func two() async throws {
    let desk = try SignatureFixture()
    let eve = try SSHSigner("eve")
    let (head, tail) = (Self.headers(), Array("\nBegin\n".utf8))
    let (good, bad) = (
      try desk.header(over: head + tail), try desk.header(over: head + tail, by: eve)
    )
    for headers in [good + bad, bad + good, good + good, good + Array(" ".utf8) + bad.dropFirst(7)] {
      let found = try await desk.judge(head + headers + tail)
      #expect(Self.refusal(found.own) == "has more than one signature")
    }
  }
}
