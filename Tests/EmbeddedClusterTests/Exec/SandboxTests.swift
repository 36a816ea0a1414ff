import FoundationEssentials
import Glibc
import Testing

@testable import EmbeddedCluster

@Suite("The sandbox of a script")
struct SandboxTests {
  private let request = SandboxRequest(
    root: .init(path: "/d/root", identity: "1:2"),
    binds: [.init(source: .init(path: "/d/vol", identity: "1:3"), path: "/data", isReadOnly: false)],
    hostname: "web-0",
    environment: ["A": "1", "B=C": "no", "": "no"], command: ["sh", "-c", "echo \"$(id)\"; --bind"])

  @Test("passes the command unchanged at the end of the argument vector")
  func command() {
    for sandbox in [
      Sandbox(mode: .bubblewrap, limits: .init(), isRoot: false),
      Sandbox(mode: .bubblewrap, limits: .init(), isRoot: true),
      Sandbox(mode: .none, limits: .init(), isRoot: false),
    ] {
      #expect(sandbox.arguments(request).suffix(3) == request.command[...])
    }
  }

  @Test("shares nothing that is not needed")
  func isolation() {
    let arguments = Sandbox(mode: .bubblewrap, limits: .init(), isRoot: false).arguments(request)
    for word in ["--unshare-all", "--disable-userns", "--new-session", "--clearenv", "--cap-drop"] {
      #expect(arguments.contains(word))
    }
    #expect(!arguments.contains("--share-net"))
    #expect(!arguments.contains("no"), "a variable without a proper name is left out")
  }

  @Test("closes the memory behind /dev for any user of the daemon", arguments: [false, true])
  func devices(isRoot: Bool) throws {
    let arguments = Sandbox(mode: .bubblewrap, limits: .init(), isRoot: isRoot).arguments(request)
    let shared = try #require(arguments.firstIndex(of: "/dev/shm"))
    #expect(arguments[(shared + 1)...].prefix(2) == ["--remount-ro", "/dev"])
  }

  @Test("drops from root to an unprivileged user before the sandbox is created")
  func unprivileged() throws {
    let sandbox = Sandbox(mode: .bubblewrap, limits: .init(), isRoot: true)
    #expect(sandbox.owner == Sandbox.unprivileged)
    let arguments = sandbox.arguments(request)
    let drop = try #require(arguments.firstIndex(of: "setpriv"))
    let inner = try #require(arguments.lastIndex(of: "bwrap"))
    #expect(drop < inner)
    #expect(
      !arguments[inner...].contains { $0.hasPrefix("/d/") },
      "the user may not reach the folders in their places")
  }

  @Test(
    "is unaffected by concurrent mounts on the machine for any user of the daemon",
    arguments: [false, true])
  func mountsOfOthers(isRoot: Bool) {
    let arguments = Sandbox(mode: .bubblewrap, limits: .init(), isRoot: isRoot).arguments(request)
      .dropLast(request.command.count)
    let binds = arguments.indices.filter { arguments[$0].hasSuffix("bind") }
    let sources = Set(binds.map { arguments[$0 + 1] })
    let programs = Set(HostPrograms.folders.map { "/\($0)" })
    let own = sources.filter { $0.hasPrefix("/d/") || $0.hasPrefix("/mnt/") }
    #expect(sources.subtracting(own).subtracting(programs).isSubset(of: ["/dev", "/proc"]))
  }

  @Test(
    "runs nothing if a folder was replaced after its check, even by a symbolic link to another folder",
    .enabled(if: Machine.hasBubblewrap), arguments: geteuid() == 0 ? [true, false] : [false])
  func replacedFolder(isRoot: Bool) async throws {
    let place = ClusterFixture.temporaryFolder()
    defer { ClusterFixture.remove(place) }
    let sandbox = Sandbox(mode: .bubblewrap, limits: .init(), isRoot: isRoot)
    let top = try OpenFolder(place)
    let root = try top.make(["root"], owner: sandbox.owner)
    for folder in ["proc", "dev", "usr/local", "data"] {
      _ = try root.make(folder.split(separator: "/").map(String.init), owner: sandbox.owner)
    }
    for (name, target) in HostPrograms.links { try root.link(name, to: target) }
    let volume = try top.make(["volume"], owner: sandbox.owner)
    let others = try top.make(["others"], owner: nil)
    try others.write(Array("secret".utf8), to: "file", mode: 0o644)
    try volume.write(Array("own".utf8), to: "file", mode: 0o644)
    let request = SandboxRequest(
      root: try .init(root), binds: [.init(source: try .init(volume), path: "/data", isReadOnly: false)],
      hostname: "web-0", environment: [:], command: ["grep", "-q", "own", "/data/file"])
    let filter = "\(place)/filter"
    try Data(SystemCallFilter.bytes).write(to: URL(fileURLWithPath: filter))
    #expect(await HostProcess.failure(of: sandbox.arguments(request), filter: filter) == nil)
    #expect(rename("\(place)/volume", "\(place)/aside") == 0)
    try top.link("volume", to: "others")
    var reading = request
    reading.command = ["sh", "-c", "cat /data/file >&2; exit 1"]
    let failure = try #require(await HostProcess.failure(of: sandbox.arguments(reading), filter: filter))
    #expect(failure.contains("was replaced while the sandbox was made"), "\(failure)")
    #expect(!failure.contains("secret"))
  }

  @Test(
    "sets the limits of a process before any file of the container can run", arguments: [true, false])
  func limitsComeFirst(isRoot: Bool) throws {
    let arguments = Sandbox(mode: .bubblewrap, limits: .init(), isRoot: isRoot).arguments(request)
    let limits = try #require(arguments.firstIndex(of: "/usr/bin/prlimit"))
    let inner = try #require(arguments.lastIndex(of: "bwrap"))
    #expect(limits < inner)
    for limit in ["--as=", "--fsize=", "--cpu=", "--nofile=", "--core="] {
      #expect(arguments[limits..<inner].contains { $0.hasPrefix(limit) }, "\(limit)")
    }
    #expect(!arguments.contains("prlimit"), "the container's PATH must not choose the program")
  }

  @Test("reports a remedy if no sandbox can be created")
  func advice() {
    let missing = Sandbox.advice(.bubblewrap, "x", isInstalled: false)
    #expect(missing.contains("apt-get install bubblewrap") && missing.contains("--embedded-unsandboxed"))
    let forbidden = Sandbox.advice(.bubblewrap, "No permissions", isInstalled: true)
    #expect(forbidden.contains("No permissions") && forbidden.contains("user namespaces"))
    #expect(Sandbox.advice(.none, "denied", isInstalled: false).contains("denied"))
    #expect(!missing.contains("\n") && !forbidden.contains("\n"))
    let asRoot = Sandbox.advice(.bubblewrap, "setresuid failed", isInstalled: true, user: 7)
    #expect(asRoot.contains("scripts as user 7") && asRoot.contains("started as another user"))
    #expect(!forbidden.contains("setpriv"))
  }

  @Test("identifies a process by its number and start, whatever its name")
  func stamps() {
    let fields = (4...52).map(String.init).joined(separator: " ")
    let stamp = ProcessStamp(line: "123 (a) b (c) S \(fields)")
    #expect(stamp?.process == 123)
    #expect(stamp?.startTime == "22")
    // With U+0600 before it, the parenthesis is not a `Character` of its own.
    for name in ["a\u{600}", ") Z\u{600}", "a)\u{301}"] {
      #expect(ProcessStamp(line: "123 (\(name)) S \(fields)")?.startTime == "22", "\(name.unicodeScalars)")
      #expect(ProcessStat.fields("123 (\(name)) S \(fields)").first == "S", "\(name.unicodeScalars)")
    }
    for junk in [
      "", "1 (init) S \(fields)", "-5 (x) S \(fields)", "123 (x", "123 (x) S 4 5", "x (x) S \(fields)",
    ] {
      #expect(ProcessStamp(line: junk) == nil, "\(junk)")
    }
  }

  @Test("parses the messages of bubblewrap, and ignores everything else")
  func status() {
    let status = BubblewrapStatus(text: "{ \"child-pid\": 42, \"net-namespace\": 1 }\n{ \"exit-code\": 7 }\n")
    #expect(status.exitCode == 7)
    for code in [256, -1, Int(Int32.min), Int(Int32.max)] {
      #expect(BubblewrapStatus(text: "{ \"exit-code\": \(code) }").exitCode == 255, "\(code)")
    }
    for junk in ["", "{ \"exit-code\": }", "\"exit-code\": x", "{ \"child-pid\": 99999999999999999999 }"] {
      #expect(BubblewrapStatus(text: junk).exitCode == nil)
    }
  }
}
