import FoundationEssentials
import Glibc
import Testing

@testable import EmbeddedCluster

@Suite("Processes that end with a container")
struct RunFolderTests {
  private static let boot = (FileText.read("/proc/sys/kernel/random/boot_id") ?? "").trimmed

  /// A container's folder with one command in it.
  private func withCommand(_ body: (_ run: RunFolder, _ command: String) throws -> Void) throws {
    let folder = ClusterFixture.temporaryFolder()
    defer { ClusterFixture.remove(folder) }
    let command = "\(folder)/run/c1/command"
    try FileManager.default.createDirectory(atPath: command, withIntermediateDirectories: true)
    try put("", "\(command)/stdin")
    try body(RunFolder(path: "\(folder)/run/c1"), command)
  }

  private func put(_ text: String, _ path: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
  }

  private func record(_ process: Int32, boot: String? = boot) throws -> String {
    let line = try #require(FileText.read("/proc/\(process)/stat"))
    return line.trimmed + "\n" + (boot.map { $0 + "\n" } ?? "")
  }

  private func isAlive(_ process: Int32) -> Bool { ProcessStamp(process: process)?.isAlive ?? false }

  @Test("do not include a process named by a forged record, even with the right number, start and boot")
  func forgedWrapper() throws {
    try withCommand { run, command in
      try Machine.running(["sleep", "600"]) { victim in
        try put(try record(victim), "\(command)/pid")
        #expect(run.endAll())
        #expect(isAlive(victim))
        #expect(run.forgetEnded(), "a command whose wrapper is not there was killed")
      }
    }
  }

  @Test("do not include a process named by a forged status, even if the wrapper is the command's own")
  func forgedChild() throws {
    try withCommand { run, command in
      try Machine.running(["sleep", "600"]) { victim in
        try Machine.running(["sh", "-c", "sleep 600; :", "sh", command]) { wrapper in
          try put(try record(wrapper), "\(command)/pid")
          try put("{ \"child-pid\": \(victim) }\n", "\(command)/status")
          #expect(run.endAll())
          #expect(!isAlive(wrapper))
          #expect(isAlive(victim))
        }
      }
    }
  }

  @Test(
    "do not include a process recorded in an earlier boot, but one recorded without a boot")
  func boots() throws {
    try withCommand { run, command in
      try Machine.running(["sh", "-c", "sleep 600; :", "sh", command]) { wrapper in
        try put(try record(wrapper, boot: "11111111-2222-3333-4444-555555555555"), "\(command)/pid")
        #expect(run.endAll())
        #expect(isAlive(wrapper))
        try put(try record(wrapper, boot: nil), "\(command)/pid")
        #expect(run.endAll())
        #expect(!isAlive(wrapper))
      }
    }
  }

  @Test("include the command's own process after its folder was renamed and moved")
  func moved() throws {
    try withCommand { run, command in
      let original = "/elsewhere/run/c1/command"
      try Machine.running(["sh", "-c", "sleep 600; :", "sh", original]) { wrapper in
        try put(try record(wrapper), "\(command)/pid")
        #expect(!run.forgetEnded())
        let ending = run.path + RunFolder.ending
        #expect(rename(run.path, ending) == 0)
        #expect(RunFolder(path: ending).endAll())
        #expect(!isAlive(wrapper))
      }
    }
  }

  @Test("are ended by the next daemon if the folder was moved, also if the container should exist")
  func sweepOfMoved() throws {
    try withCommand { run, command in
      try Machine.running(["sh", "-c", "sleep 600; :", "sh", command]) { wrapper in
        try put(try record(wrapper), "\(command)/pid")
        let ending = run.path + RunFolder.ending
        #expect(rename(run.path, ending) == 0)
        let directory = run.path.split(separator: "/").dropLast(2).joined(separator: "/")
        let folders = PodFolders(directory: "/" + directory, owner: nil)
        #expect(try folders.sweep(PodFolders.Inventory(containerIDs: ["c1"])) == [])
        #expect(!isAlive(wrapper))
        #expect(SafeFolder.kind(ending) == nil)
      }
    }
  }

  @Test("have no folder if the command could not be prepared")
  func unprepared() throws {
    try withCommand { run, _ in
      let limits = SandboxLimits()
      let runner = ScriptRunner(
        sandbox: Sandbox(mode: .bubblewrap, limits: limits), watch: ResourceWatch(limits: limits) { .zero },
        cgroups: ScriptCgroups(folder: "\(run.path)/none"))
      let request = SandboxRequest(
        root: try .init(OpenFolder(run.path)), binds: [], hostname: "web-0", environment: [:],
        command: ["true"])
      #expect(throws: FileError.self) {
        try runner.start(request, stdin: [], outputLimit: 1, folder: run, terms: .unlimited(runner.watch)) {}
      }
      #expect(try SafeFolder.names(in: run.path) == ["command"])
    }
  }
}
