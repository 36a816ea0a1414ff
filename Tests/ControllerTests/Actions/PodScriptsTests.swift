import Foundation
import TestSupport
import Testing

@testable import Controller

/// The folders of a container in which the scripts run as real processes.
struct Container {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    for name in ["etc", "opt/guestconfig/appconfig", "tmp"] {
      try FileManager.default.createDirectory(
        atPath: "\(folder.path)/\(name)", withIntermediateDirectories: true)
    }
    try ProgramFile.write(
      "#!/bin/sh\necho \"$*\" >> /tmp/runs\necho done\n",
      to: "\(folder.path)/opt/guestconfig/appconfig/startscript")
  }

  static let isPossible = ["/usr/bin/bwrap", "/bin/bwrap"].contains {
    FileManager.default.isExecutableFile(atPath: $0)
  }

  /// - Parameters:
  ///   - asks: The number of runs, one after another.
  ///   - last: A command that runs in the container afterwards.
  /// - Returns: The output, with the exit code on a line of its own.
  func run(
    _ text: String, _ arguments: [String], input: String, asks: Int = 1, then last: String = ":"
  ) throws -> String {
    var command = ["bwrap", "--unshare-pid", "--die-with-parent", "--bind", folder.path, "/"]
    command += ["--proc", "/proc", "--dev", "/dev"]
    for path in ["/usr", "/bin", "/lib", "/lib64"] where FileManager.default.fileExists(atPath: path) {
      command += ["--ro-bind", path, path]
    }
    let runs = Array(repeating: "sh -c \"$@\"; ", count: asks).joined()
    command += ["sh", "-c", "\(runs)echo \"exit $?\"; \(last)", "sh", text, "text"] + arguments
    return try TemporaryRepository.run(command, in: nil, input: input)
  }

  func content(_ path: String) -> String? {
    try? String(contentsOfFile: "\(folder.path)/\(path)", encoding: .utf8)
  }
  func names(in path: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/\(path)")) ?? []).sorted()
  }
}

@Suite(
  "Scripts in a container whose connection is interrupted",
  .enabled(if: Container.isPossible, "bubblewrap is not installed: apt-get install bubblewrap"))
struct PodScriptsTests {
  private static let meta = #"{"version": "7"}"#

  private func install(_ container: Container, input: String) throws -> String {
    try container.run(
      PodScripts.install, ["metadata", "", "plain", "new", "", "\(Self.meta.utf8.count)", "c-1", "", "0"],
      input: input
    )
  }

  private func script(_ container: Container, input: String) throws -> String {
    try container.run(
      PodScripts.run,
      [
        PodScripts.inner, "addnodes.1", "c-1", "60", "4096", "\(Self.meta.utf8.count)", "--addnodes",
        "--role", "a",
      ],
      input: input)
  }

  @Test("never replace a complete configmeta.json by a truncated one")
  func halfInstalled() throws {
    let container = try Container()
    #expect(try install(container, input: Self.meta) == "exit 0")
    let answer = PodScripts.cutShort
    #expect(
      try install(container, input: String(Self.meta.prefix(5))) == "\(answer.stdout)exit \(answer.exitCode)")
    #expect(container.content("etc/guestconfig/configmeta.json") == Self.meta)
    #expect(container.names(in: "etc/guestconfig") == ["configmeta.json"])
  }

  @Test(
    "do not run with truncated input, and run once when requested again any number of times"
  )
  func truncatedScriptInput() throws {
    let container = try Container()
    _ = try install(container, input: Self.meta)
    let answer = PodScripts.cutShort
    #expect(try script(container, input: "{") == "\(answer.stdout)exit \(answer.exitCode)")
    #expect(container.content("tmp/runs") == nil)
    for _ in 0..<3 { #expect(try script(container, input: Self.meta) == "done\nexit 0") }
    #expect(container.content("tmp/runs") == "--addnodes --role a\n")
    #expect(container.content("etc/guestconfig/configmeta.json") == Self.meta)
    #expect(container.names(in: "etc/guestconfig") == ["configmeta.json"])
  }

  @Test("do not seed a folder again on a volume that KubeDirector's operator has seeded")
  func seeded() throws {
    let container = try Container()
    for (path, content) in [
      ("etc/settings", "image"), ("data/rows", "image"), ("srv/volume/etc/settings", "edited"),
      ("srv/volume/etc/kubedirector.init", ""),
    ] {
      let file = URL(fileURLWithPath: "\(container.folder.path)/\(path)")
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(content.utf8).write(to: file)
    }
    let arguments = ["/srv/volume", "/etc", "/data"]
    #expect(try container.run(PodScripts.seed, arguments, input: "", asks: 2) == "exit 0")
    #expect(container.content("srv/volume/etc/settings") == "edited")
    // The operator has not seeded this one.
    #expect(container.content("srv/volume/data/rows") == "image")
    #expect(container.names(in: "srv/volume/.kdops-seeded") == ["data", "etc"])
  }
}
