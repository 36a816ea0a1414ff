import Foundation
import GitStore
import TestSupport
import Testing

@Suite("Remotes over http", .enabled(if: Tools.python, "python3 is needed to serve a repository over http"))
struct WebTests {
  private let folder: TemporaryFolder
  private let bare: TemporaryRepository
  private let work: TemporaryRepository
  private let author = Signature(name: "kdops", email: "kdops@example.invalid", seconds: 1_700_000_000)
  private let notesRef = "refs/notes/kdops"

  init() throws {
    folder = try TemporaryFolder()
    bare = try TemporaryRepository(bare: true)
    work = try bare.clone()
    try work.commit(["a": "1", "b/c": "2"])
    try work.push()
    try Data("s3cret\n".utf8).write(to: URL(fileURLWithPath: folder.path + "/password"))
  }

  private var root: String { URL(fileURLWithPath: bare.path).deletingLastPathComponent().path }
  private var basic: Credentials { .basic(user: "ada", password: .file(folder.path + "/password")) }

  private func remote(
    _ server: Server, _ path: String = "git/repository.git", user: String = "", scheme: String = "http",
    host: String = "127.0.0.1", credentials: Credentials? = nil,
    limits: NetworkLimits = NetworkLimits()
  ) throws -> Remote {
    Remote(
      try GitURL("\(scheme)://\(user)\(host):\(server.port)/\(path)"), credentials: credentials ?? basic,
      limits: limits)
  }

  private func mirror(_ remote: Remote) async throws -> Mirror {
    try await Mirror.open(remote, at: folder.path + "/mirror", refs: [notesRef])
  }

  @Test("a fetch that would unpack too much fails each time before it unpacks, until the remote is repacked")
  func hugeDifference() async throws {
    let (small, zeros) = try bare.delta(againstZeros: 130 << 20, content: "small")
    let tree = try bare.git("mktree", input: "100644 blob \(small)\tsmall\n100644 blob \(zeros)\tzeros\n")
    let commit = try bare.git("commit-tree", tree, "-p", "main", "-m", "Zeros")
    let server = try Server.web(root)
    let mirror = try await mirror(try remote(server))
    let one = try await mirror.fetch("main")
    try bare.git("update-ref", "refs/heads/main", commit)
    for _ in 0..<3 {
      let error = await #expect(throws: GitError.self) { try await mirror.fetch("main") }
      #expect(error?.kind == .tooLarge && error?.hint == GitError.repackingHint)
      #expect(error?.message.hasPrefix("cannot fetch from http://") == true)
    }
    #expect(try await mirror.known("refs/heads/main") == one.new)
    try bare.git("-c", "core.bigFileThreshold=16m", "repack", "-a", "-d", "-f", "--quiet")
    let two = try await mirror.fetch("main")
    #expect(two.new.hex == commit)
    let entries = try await mirror.repository.tree(at: two.new)
    #expect(try await mirror.repository.blob(entries[0].id, limit: 10) == Array("small".utf8))
  }

  @Test("fetching and publishing with user and password")
  func basicAuthentication() async throws {
    let server = try Server.web(root)
    let mirror = try await mirror(try remote(server))
    let one = try await mirror.fetch("main")
    #expect(try one.new.hex == work.head())
    #expect(try await mirror.repository.tree(at: one.new).map(\.path) == ["a", "b/c"])
    #expect(try await mirror.fetch("main").unchanged)
    let update = try RefUpdate(ref: notesRef, .notes([one.new: Array("over http".utf8)]), message: "Note")
    let result = try await mirror.publish([update], author: author, retry: RetryPolicy(sleep: { _ in }))
    #expect(result.attempts == 1)
    #expect(try bare.git("notes", "--ref=kdops", "show", "main") == "over http")
    try work.commit(["a": "2"])
    try work.git("fetch", "-q", "origin", "\(notesRef):\(notesRef)")
    try work.git("notes", "--ref=kdops", "add", "-m", "by git", "HEAD")
    try work.push("main", notesRef)
    let two = try await mirror.fetch("main")
    #expect(!two.rewritten && two.old == one.new)
    #expect(
      try await mirror.repository.note(on: two.new, ref: Mirror.trackingRef(notesRef))
        == Array("by git\n".utf8))
  }

  @Test("a push that lost a race is repeated, over the network too")
  func mergeRetry() async throws {
    let server = try Server.web(root)
    let mirror = try await mirror(try remote(server))
    let head = try await mirror.fetch("main").new
    try work.git("notes", "--ref=kdops", "add", "-m", "theirs", "HEAD")
    let next = try work.commit(["a": "2"])
    try work.git("notes", "--ref=kdops", "add", "-m", "theirs", next)
    try work.push("main", notesRef)
    let update = try RefUpdate(ref: notesRef, .notes([head: Array("ours".utf8)]), message: "Note")
    let result = try await mirror.publish([update], author: author, retry: RetryPolicy(sleep: { _ in }))
    #expect(result.attempts == 2)
    #expect(try bare.git("notes", "--ref=kdops", "show", "main~1") == "ours")
    #expect(try bare.git("notes", "--ref=kdops", "show", "main") == "theirs")
  }

  @Test("a push that a hook rejects carries the hook's message")
  func refusedPush() async throws {
    let server = try Server.web(root)
    let mirror = try await mirror(try remote(server))
    let head = try await mirror.fetch("main").new
    try bare.setHook("pre-receive", "echo not today >&2; exit 1")
    let update = try RefUpdate(ref: notesRef, .notes([head: [1]]), message: "Note")
    let error = await #expect(throws: GitError.self) {
      try await mirror.publish([update], author: author, retry: RetryPolicy(sleep: { _ in }))
    }
    #expect(error?.kind == .rejectedPush)
    #expect(error?.message.contains("not today") == true)
    #expect(try bare.git("for-each-ref", "refs/notes") == "")
  }

  @Test("a rotated password is read again, and a wrong one is refused without repeating it")
  func credentials() async throws {
    let server = try Server.web(root)
    let file = URL(fileURLWithPath: folder.path + "/password")
    try Data("wr0ng".utf8).write(to: file)
    let mirror = try await mirror(try remote(server))
    let wrong = await #expect(throws: GitError.self) { try await mirror.fetch("main") }
    #expect(wrong?.kind == .refused)
    #expect(wrong?.isTransient == false)
    #expect(!"\(wrong, default: "")".contains("wr0ng"))
    try Data("s3cret".utf8).write(to: file)
    #expect(try await mirror.fetch("main").old == nil)
    try FileManager.default.removeItem(at: file)
    let missing = await #expect(throws: GitError.self) { try await mirror.fetch("main") }
    #expect(missing?.kind == .refused)
    #expect(missing?.message.contains("password") == true)
    let none = try await Mirror.open(
      try remote(server, credentials: Credentials.none), at: folder.path + "/none")
    let error = await #expect(throws: GitError.self) { try await none.fetch("main") }
    #expect(error?.kind == .refused)
    #expect(error?.hint?.contains("token") == true)
  }

  @Test("a token is sent with the address's user")
  func token() async throws {
    let server = try Server.web(root)
    let token = Credentials.token(.file(folder.path + "/password"))
    let mirror = try await mirror(try remote(server, user: "ada@", credentials: token))
    #expect(try await mirror.fetch("main").old == nil)
  }

  @Test("a missing repository is gone; a server error is unreachable")
  func answers() async throws {
    let server = try Server.web(root)
    for (path, kind) in [
      ("git/nothing.git", GitError.Kind.gone), ("500/x.git", .unreachable),
    ] {
      let mirror = try await Mirror.open(try remote(server, path), at: folder.path + "/" + kind.rawValue)
      let error = await #expect(throws: GitError.self) { try await mirror.fetch("main") }
      #expect(error?.kind == kind)
    }
    let rubbish = try await Mirror.open(try remote(server, "rubbish/x.git"), at: folder.path + "/rubbish")
    await #expect(throws: GitError.self) { try await rubbish.fetch("main") }
  }

  @Test("a redirect to another host is refused before anything is sent there")
  func redirect() async throws {
    let target = try Server.web(root)
    let server = try Server.web(root, away: target.port)
    let mirror = try await mirror(try remote(server, "away/repository.git"))
    let error = await #expect(throws: GitError.self) { try await mirror.fetch("main") }
    #expect(error?.kind == .refused)
  }

  @Test("a refused connection is unreachable, and reported at once")
  func unreachable() async throws {
    let server = try Server.web(root)
    var remote = try remote(server)
    remote.url = .web(secure: false, user: nil, host: "127.0.0.1", port: 1, path: "/x")
    let error = await #expect(throws: GitError.self) { try await mirror(remote).fetch("main") }
    #expect(error?.kind == .unreachable)
    #expect(error?.isTransient == true)
  }

  @Test("a remote that sends nothing, or only single bytes, causes a timeout")
  func slow() async throws {
    let server = try Server.web(root)
    let short = NetworkLimits(
      connect: .milliseconds(300), stall: .milliseconds(300), total: .milliseconds(900))
    let cases = [
      (try remote(server, "silent/x.git", limits: short), GitError.Kind.timeout, "silent"),
      (try remote(server, "drip/x.git", limits: short), .timeout, "drip"),
    ]
    for (remote, kind, name) in cases {
      let mirror = try await Mirror.open(remote, at: folder.path + "/" + name)
      let start = ContinuousClock.now
      let error = await #expect(throws: GitError.self) { try await mirror.fetch("main") }
      #expect(error?.kind == kind, Comment(rawValue: name))
      #expect(error?.isTransient == true)
      // Far below the minute that the server would have taken.
      #expect(ContinuousClock.now - start < .seconds(30))
    }
  }

  @Test("a remote that accepts no connection causes a timeout")
  func deaf() async throws {
    let limit = Duration.milliseconds(300)
    let short = NetworkLimits(connect: limit, stall: limit, total: .milliseconds(900))
    let mirror = try await mirror(try remote(try Server.deaf(), "x.git", limits: short))
    let error = await #expect(throws: GitError.self) { try await mirror.fetch("main") }
    // The kernel may report a connection that is never accepted as established.
    #expect(error?.kind == .unreachable || error?.kind == .timeout)
  }

  @Test("a fetch that waits for a silent remote can be cancelled")
  func cancelled() async throws {
    let server = try Server.web(root)
    let mirror = try await mirror(try remote(server, "silent/x.git"))
    let task = Task { try await mirror.fetch("main") }
    await Task.yield()
    task.cancel()
    let error = await #expect(throws: GitError.self) { try await task.value }
    #expect(error?.kind == .cancelled)
  }

  @Test("a certificate of an unknown authority is refused until the authority is configured")
  func certificates() async throws {
    let certificate = folder.path + "/certificate.pem"
    try TemporaryRepository.run(
      [
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
        "-addext", "subjectAltName=DNS:localhost", "-keyout", folder.path + "/key", "-out",
        certificate + ".crt",
      ], in: nil)
    try TemporaryRepository.run(
      ["sh", "-c", "cat \"$1/key\" \"$2.crt\" > \"$2\"", "sh", folder.path, certificate], in: nil)
    let server = try Server.web(root, certificate: certificate)
    let mirror = try await mirror(try remote(server, scheme: "https", host: "localhost"))
    let error = await #expect(throws: GitError.self) { try await mirror.fetch("main") }
    #expect(error?.kind == .hostKey)
    #expect(throws: GitError.self) { try GitLibrary.trustAuthorities(inFile: folder.path + "/password") }
    try GitLibrary.trustAuthorities(inFile: certificate + ".crt")
    #expect(try await mirror.fetch("main").old == nil)
  }
}
