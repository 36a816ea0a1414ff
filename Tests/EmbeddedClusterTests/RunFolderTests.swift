import FoundationEssentials
import Glibc
import Testing

@testable import EmbeddedCluster

@Suite("Which processes are ended with a container")
struct RunFolderTests {
  private static let boot = (FileText.read("/proc/sys/kernel/random/boot_id") ?? "").trimmed

  /// A container's folder with one command in it.
  private func withCommand(_ body: (_ run: RunFolder, _ command: String) throws -> Void) throws {
    let folder = World.temporaryFolder()
    defer { World.remove(folder) }
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

  @Test("a process that a forged record names is left alone, though number, start and boot are right")
  func forgedWrapper() throws {
    try withCommand { run, command in
      try Machine.running(["sleep", "600"]) { victim in
        try put(try record(victim), "\(command)/pid")
        run.endAll()
        #expect(isAlive(victim))
        #expect(run.forgetEnded(), "a command whose wrapper is not there was killed")
      }
    }
  }

  @Test("a process that a forged status names is left alone, though the wrapper is the command's own")
  func forgedChild() throws {
    try withCommand { run, command in
      try Machine.running(["sleep", "600"]) { victim in
        try Machine.running(["sh", "-c", "sleep 600; :", "sh", command]) { wrapper in
          try put(try record(wrapper), "\(command)/pid")
          try put("{ \"child-pid\": \(victim) }\n", "\(command)/status")
          run.endAll()
          #expect(!isAlive(wrapper))
          #expect(isAlive(victim))
        }
      }
    }
  }

  @Test(
    "a record of an earlier boot names no process of this one; one without a boot is of an earlier daemon")
  func boots() throws {
    try withCommand { run, command in
      try Machine.running(["sh", "-c", "sleep 600; :", "sh", command]) { wrapper in
        try put(try record(wrapper, boot: "11111111-2222-3333-4444-555555555555"), "\(command)/pid")
        run.endAll()
        #expect(isAlive(wrapper))
        try put(try record(wrapper, boot: nil), "\(command)/pid")
        run.endAll()
        #expect(!isAlive(wrapper))
      }
    }
  }

  @Test("the command's own process is found after its folder was renamed and moved")
  func moved() throws {
    try withCommand { run, command in
      let original = "/elsewhere/run/c1/command"
      try Machine.running(["sh", "-c", "sleep 600; :", "sh", original]) { wrapper in
        try put(try record(wrapper), "\(command)/pid")
        #expect(!run.forgetEnded())
        let ending = run.path + RunFolder.ending
        #expect(rename(run.path, ending) == 0)
        RunFolder(path: ending).endAll()
        #expect(!isAlive(wrapper))
      }
    }
  }
}
