import Foundation
import GitStore
import TestSupport
import Testing

@Suite(
  "Remotes over ssh",
  .enabled(
    if: Tools.ssh && Tools.python, "openssh-server and python3 are needed to serve a repository over ssh"))
struct SSHTests {
  private let folder: TemporaryFolder
  private let bare: TemporaryRepository
  private let work: TemporaryRepository
  private let author = Signature(name: "kdops", email: "kdops@example.invalid", seconds: 1_700_000_000)

  init() throws {
    folder = try TemporaryFolder()
    (bare, work) = try TemporaryRepository.pushed()
    try keygen("key", passphrase: "")
    try TemporaryRepository.run(["cp", "key.pub", "authorized_keys"], in: folder.path)
  }

  private func keygen(_ name: String, passphrase: String) throws {
    try TemporaryRepository.run(
      ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", "\(folder.path)/\(name)"], in: nil)
  }

  private func text(_ name: String) throws -> String {
    try String(contentsOfFile: folder.path + "/" + name, encoding: .utf8)
  }

  /// Writes a `known_hosts` file.
  private func trust(_ lines: String) throws -> String {
    let file = folder.path + "/known_hosts"
    try Data(lines.utf8).write(to: URL(fileURLWithPath: file))
    return file
  }

  private func remote(_ server: Server, known: String, key: String = "key") throws -> Remote {
    Remote(
      try GitURL("ssh://\(NSUserName())@127.0.0.1:\(server.port)\(bare.path)"),
      credentials: .sshKey(file: folder.path + "/" + key, passphrase: nil), knownHosts: known)
  }

  private func mirror(_ remote: Remote, _ name: String = "mirror") async throws -> Mirror {
    try await Mirror.open(remote, at: folder.path + "/" + name)
  }

  @Test("a known host is fetched from and pushed to")
  func roundTrip() async throws {
    let server = try Server.ssh(folder.path)
    let known = try trust("[127.0.0.1]:\(server.port) \(try text("host_ed25519.pub"))")
    let mirror = try await mirror(try remote(server, known: known))
    let head = try await mirror.fetch("main").new
    #expect(try head.hex == work.head())
    let update = try RefUpdate(
      ref: "refs/notes/kdops", .notes([head: Array("over ssh".utf8)]), message: "Note")
    _ = try await mirror.publish([update], author: author, retry: RetryPolicy(sleep: { _ in }))
    #expect(try bare.git("notes", "--ref=kdops", "show", "main") == "over ssh")
    try bare.setHook("pre-receive", "echo not today >&2; exit 1")
    let other = try RefUpdate(ref: "refs/notes/kdops", .notes([head: [1]]), message: "Note")
    let error = await #expect(throws: GitError.self) {
      try await mirror.publish([other], author: author, retry: RetryPolicy(sleep: { _ in }))
    }
    #expect(error?.kind == .rejectedPush)
    #expect(error?.message.contains("not today") == true)
  }

  @Test("an unknown host, or one with another key, is refused before login")
  func unknownHost() async throws {
    let server = try Server.ssh(folder.path)
    let place = "[127.0.0.1]:\(server.port)"
    try TemporaryRepository.run(
      ["ssh-keygen", "-q", "-N", "", "-t", "ed25519", "-f", "other"], in: folder.path)
    try TemporaryRepository.run(
      ["ssh-keygen", "-q", "-N", "", "-t", "ecdsa", "-f", "ecdsa"], in: folder.path)
    let cases = [
      ("", "is not in"), ("127.0.0.1 \(try text("host_ed25519.pub"))", "is not in"),
      ("\(place) \(try text("other.pub"))", "another key"),
      ("\(place) \(try text("ecdsa.pub"))", "has only ecdsa"),
      ("@revoked * \(try text("host_ed25519.pub"))\(place) \(try text("host_ed25519.pub"))", "revoked"),
    ]
    for (number, (lines, word)) in cases.enumerated() {
      let mirror = try await mirror(try remote(server, known: try trust(lines)), "mirror\(number)")
      let error = await #expect(throws: GitError.self) { try await mirror.fetch("main") }
      #expect(error?.kind == .hostKey)
      #expect(error?.message.contains(word) == true, Comment(rawValue: "\(error, default: "")"))
    }
    let none = try await mirror(try remote(server, known: folder.path + "/nothing"), "none")
    let error = await #expect(throws: GitError.self) { try await none.fetch("main") }
    #expect(error?.kind == .hostKey)
    #expect(error?.hint?.contains("ssh-keyscan") == true)
  }

  @Test("a key without access is refused, and a path without a repository is gone")
  func refused() async throws {
    let server = try Server.ssh(folder.path)
    let known = try trust("[127.0.0.1]:\(server.port) \(try text("host_ed25519.pub"))")
    try keygen("stranger", passphrase: "")
    let mirror = try await mirror(try remote(server, known: known, key: "stranger"))
    let error = await #expect(throws: GitError.self) { try await mirror.fetch("main") }
    #expect(error?.kind == .refused)
    let missing = try await self.mirror(try remote(server, known: known, key: "nothing"), "missing")
    let unreadable = await #expect(throws: GitError.self) { try await missing.fetch("main") }
    #expect(unreadable?.kind == .refused)
    #expect(unreadable?.message.contains("cannot be read") == true)
    var gone = try remote(server, known: known)
    gone.url = .ssh(user: NSUserName(), host: "127.0.0.1", port: server.port, path: "/nothing.git")
    let nowhere = try await self.mirror(gone, "gone")
    let absent = await #expect(throws: GitError.self) { try await nowhere.fetch("main") }
    #expect(absent?.kind == .gone)
  }

  @Test("a key with a passphrase is decrypted with one read from a file")
  func passphrase() async throws {
    let server = try Server.ssh(folder.path)
    let known = try trust("[127.0.0.1]:\(server.port) \(try text("host_ed25519.pub"))")
    try keygen("locked", passphrase: "open sesame")
    try TemporaryRepository.run(["cp", "locked.pub", "authorized_keys"], in: folder.path)
    try Data("open sesame\n".utf8).write(to: URL(fileURLWithPath: folder.path + "/passphrase"))
    var remote = try remote(server, known: known, key: "locked")
    let without = try await mirror(remote)
    let error = await #expect(throws: GitError.self) { try await without.fetch("main") }
    #expect(error?.kind == .refused || error?.kind == .unreachable)
    remote.credentials = .sshKey(
      file: folder.path + "/locked", passphrase: .file(folder.path + "/passphrase"))
    #expect(try await mirror(remote, "with").fetch("main").old == nil)
  }

  @Test(
    "the keys of a running agent are used",
    .enabled(if: Tools.agentKeys != nil, "no ssh-agent with a key runs")
  )
  func agent() async throws {
    let server = try Server.ssh(folder.path)
    let known = try trust("[127.0.0.1]:\(server.port) \(try text("host_ed25519.pub"))")
    try Data((Tools.agentKeys ?? "").utf8).write(to: URL(fileURLWithPath: folder.path + "/authorized_keys"))
    var remote = try remote(server, known: known)
    remote.credentials = .sshAgent
    #expect(try await mirror(remote).fetch("main").old == nil)
  }

  @Test("a server that stops in the middle of its greeting causes a timeout")
  func silent() async throws {
    let deaf = try Server.deaf()
    var remote = try remote(deaf, known: try trust(""))
    remote.limits = NetworkLimits(connect: .milliseconds(300), stall: .milliseconds(300), total: .seconds(5))
    let mirror = try await mirror(remote)
    let error = await #expect(throws: GitError.self) { try await mirror.fetch("main") }
    // The kernel may report a connection that is never accepted as established.
    #expect(error?.kind == .unreachable || error?.kind == .timeout)
    let listener = try Server([
      "python3", "-c",
      "import socket,time; l=socket.socket(); l.bind(('127.0.0.1',0)); l.listen(9); print(l.getsockname()[1],flush=True); c=l.accept(); time.sleep(60)",
    ])
    remote.url = .ssh(user: "x", host: "127.0.0.1", port: listener.port, path: "/x")
    let other = try await self.mirror(remote, "other")
    let timeout = await #expect(throws: GitError.self) { try await other.fetch("main") }
    #expect(timeout?.kind == .timeout)
  }
}
