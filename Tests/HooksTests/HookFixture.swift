import Foundation
import TestSupport
import Testing

/// A server's repository and a clone of it, in which git runs the hooks that `kdops hook install` has
/// installed.
final class HookFixture: Sendable {
  let server: TemporaryRepository
  let clone: TemporaryRepository
  private let program: String
  /// The environment in which git prints no messages and dates of its own, so that outputs can be compared.
  private let environment: [String: String]

  /// The result and the output of a command.
  struct Attempt {
    var passed: Bool
    var said: String
  }

  init(_ files: [String: String?] = Files.start) throws {
    program = try #require(BuiltProgram.kdops)
    let folder = URL(fileURLWithPath: program).deletingLastPathComponent().path
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    environment = ["PATH": "\(folder):\(path)"]
    server = try TemporaryRepository(bare: true)
    clone = try server.clone()
    try clone.git("checkout", "--quiet", "-B", "main")
    if !files.isEmpty {
      try clone.commit(files, "Begin")
      try clone.push()
      try clone.git("remote", "set-head", "origin", "main")
    }
  }

  // MARK: Commands

  @discardableResult
  func kdops(_ arguments: String..., in folder: String? = nil, environment more: [String: String] = [:])
    throws -> Attempt
  {
    try attempt([program] + arguments, in: folder ?? clone.path, environment: more)
  }

  @discardableResult
  func git(_ arguments: String..., in folder: String? = nil, environment more: [String: String] = [:])
    throws -> Attempt
  {
    try attempt(["git"] + arguments, in: folder ?? clone.path, environment: more)
  }

  func attempt(_ command: [String], in folder: String, environment more: [String: String] = [:]) throws
    -> Attempt
  {
    // The last line is the exit code.
    let script = "\"$@\" 2>&1; echo $?"
    let text = try TemporaryRepository.run(
      ["sh", "-c", script, "sh"] + command, in: folder, environment: environment.merging(more) { $1 })
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let code = lines.popLast()
    return Attempt(passed: code == "0", said: lines.joined(separator: "\n"))
  }

  /// Writes files and stages them.
  func stage(_ files: [String: String?]) throws {
    try clone.write(files)
    try clone.git("add", "--all")
  }

  /// Writes a status with a cluster in this state to the server.
  func publish(_ state: String, ref: String = "refs/kdops/status", at time: Int = 1_704_067_200) throws {
    let file = """
      schemaVersion: 1
      commit: \(try clone.head())
      state: \(state)
      app: spark-1.0.0
      roles:
        - {id: worker, members: 3}
      """
    let blob = try server.git("hash-object", "-w", "--stdin", input: file)
    let folder = try server.git("mktree", input: "100644 blob \(blob)\tanalytics.yaml\n")
    let tree = try server.git("mktree", input: "040000 tree \(folder)\tprod\n")
    let date = ["GIT_COMMITTER_DATE": "\(time) +0000"]
    try server.git("update-ref", ref, server.git("commit-tree", tree, "-m", "status", environment: date))
  }

  typealias Files = SmallFleet
}
