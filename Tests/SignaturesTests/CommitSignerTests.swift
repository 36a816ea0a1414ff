import Foundation
import GitStore
import Signatures
import TestSupport
import Testing

@Suite("Commits that kdops signs")
struct CommitSignerTests {
  private static let text =
    Array(
      "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor kdops <k@example> 1700000000 +0000\n"
        .utf8) + Array("committer kdops <k@example> 1700000000 +0000\n\nGo back\n\nKdops-Stamp: 1\n".utf8)

  /// Writes a commit into a repository unchanged.
  private func store(_ text: [UInt8], in repository: TemporaryRepository) throws -> String {
    try repository.git("hash-object", "-t", "tree", "-w", "--stdin")
    return try repository.git(
      "hash-object", "-t", "commit", "-w", "--stdin", input: String(decoding: text, as: UTF8.self))
  }

  @Test("pass git's own verification and the signature gate, as signed by their key")
  func real() async throws {
    let key = try SSHSigner("kdops")
    let folder = try TemporaryFolder()
    let signers = "\(folder.path)/signers"
    try key.line("kdops@example.org").write(toFile: signers, atomically: true, encoding: .utf8)
    let signer = CommitSigner(key: key.keyFile, folder: folder.path)
    try await signer.tryOut()
    let user = try TemporaryRepository()
    let commit = try store(try await signer.signed(Self.text), in: user)
    try user.git("-c", "gpg.ssh.allowedSignersFile=\(signers)", "verify-commit", commit)
    try user.git("fsck", "--strict")
    let repository = try await GitRepository.open(path: user.path)
    let id = try #require(ObjectID(hex: commit))
    let signature = try #require(try await repository.signature(of: id))
    #expect(signature.payload == Self.text)
    let tools = SignatureTools(
      SignaturePolicy(mode: .range, allowedSigners: signers), folder: folder.path)
    #expect(await tools.check(signature) == .good("kdops@example.org"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["signers"])
  }

  @Test(
    "require a private key without a passphrase, and never prompt for one",
    .timeLimit(.minutes(5)),
    arguments: ["missing", "public", "locked", "open to all"])
  func unusable(_ kind: String) async throws {
    let key = try SSHSigner("kdops")
    let folder = try TemporaryFolder()
    var file = key.keyFile
    switch kind {
    case "missing": file += ".none"
    case "public":
      file = "\(folder.path)/alone.pub"
      try FileManager.default.copyItem(atPath: "\(key.keyFile).pub", toPath: file)
    case "locked":
      try TemporaryRepository.run(["ssh-keygen", "-q", "-p", "-N", "secret", "-P", "", "-f", file], in: nil)
    default: try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file)
    }
    let signer = CommitSigner(key: file, folder: folder.path)
    let failure = await #expect(throws: CommitSigner.Failure.self) { try await signer.tryOut() }
    #expect(
      failure?.description.hasPrefix("commits.sshKey: no signature could be made with \(file); ") == true)
    await #expect(throws: CommitSigner.Failure.self) { try await signer.signed(Self.text) }
  }
}
