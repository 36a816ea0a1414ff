import Foundation
import Synchronization

/// A folder below the system's temporary folder. It is removed with its content when the last reference is
/// released.
public final class TemporaryFolder: Sendable {
  public let path: String

  public init() throws {
    let template = FileManager.default.temporaryDirectory.path + "/kdops-test-XXXXXX"
    var bytes = Array(template.utf8CString)
    guard let made = bytes.withUnsafeMutableBufferPointer({ $0.baseAddress.flatMap { mkdtemp($0) } }) else {
      throw ToolError("cannot make a temporary folder like \(template)")
    }
    path = String(cString: made)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// A program that a test needs has failed.
public struct ToolError: Error, CustomStringConvertible {
  public let description: String

  public init(_ description: String) { self.description = description }
}

/// A git repository in a temporary folder. It is created and read with the `git` command, so that it checks
/// kdops' own git code independently.
///
/// It ignores the user's configuration. Authors and dates are fixed, so that ids are the same in every run.
public final class TemporaryRepository: Sendable {
  private let folder: TemporaryFolder
  public let path: String
  /// The time of the last commit. Each commit is one second later, starting at 2024-01-01T00:00:00Z.
  private let seconds = Mutex(1_704_067_200)

  /// Creates an empty repository with the branch `main`.
  public init(bare: Bool = false) throws {
    folder = try TemporaryFolder()
    path = folder.path + "/" + (bare ? "repository.git" : "repository")
    try Self.run(
      ["git", "init", "--quiet", "--initial-branch=main"] + (bare ? ["--bare"] : []) + [path], in: nil)
  }

  private init(cloneOf source: String, arguments: [String]) throws {
    folder = try TemporaryFolder()
    path = folder.path + "/clone"
    try Self.run(["git", "clone", "--quiet"] + arguments + [source, path], in: nil)
  }

  /// A bare repository, and a clone that has pushed one commit with a file to it.
  public static func pushed() throws -> (bare: TemporaryRepository, work: TemporaryRepository) {
    let bare = try TemporaryRepository(bare: true)
    let work = try bare.clone()
    try work.commit(["a": "1"])
    try work.push()
    return (bare, work)
  }

  /// Clones this repository, as for a second committer.
  public func clone(_ arguments: String...) throws -> TemporaryRepository {
    try TemporaryRepository(cloneOf: path, arguments: arguments)
  }

  /// Runs `git` in the repository.
  ///
  /// - Returns: The standard output without the final line feed.
  /// - Throws: `ToolError` with git's error output if it fails.
  @discardableResult
  public func git(_ arguments: String..., input: String = "", environment: [String: String] = [:]) throws
    -> String
  {
    try git(arguments, input: input, environment: environment)
  }

  /// Runs `git` in the repository.
  @discardableResult
  public func git(_ arguments: [String], input: String = "", environment: [String: String] = [:]) throws
    -> String
  {
    let time = seconds.withLock {
      $0 += 1
      return $0
    }
    let dates = ["GIT_AUTHOR_DATE": "\(time) +0000", "GIT_COMMITTER_DATE": "\(time) +0000"]
    return try Self.run(
      ["git"] + arguments, in: path, input: input, environment: dates.merging(environment) { $1 })
  }

  /// Writes files into the work tree; nil removes one.
  public func write(_ files: [String: String?]) throws {
    for (name, content) in files {
      let file = path + "/" + name
      guard let content else {
        try FileManager.default.removeItem(atPath: file)
        continue
      }
      let parent = URL(fileURLWithPath: file).deletingLastPathComponent().path
      try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
      try Data(content.utf8).write(to: URL(fileURLWithPath: file))
    }
  }

  /// Writes files (nil removes one) and commits all changes.
  ///
  /// - Returns: The commit's id.
  @discardableResult
  public func commit(_ files: [String: String?], _ message: String = "Change") throws -> String {
    try write(files)
    try git("add", "--all")
    try git("commit", "--quiet", "--allow-empty", "--message", message)
    return try head()
  }

  /// Changes the mode of a file, but not its content, in the index and with a commit. The work tree is unchanged.
  ///
  /// - Parameter mode: As git writes it, such as `120000` for a symbolic link.
  public func setMode(_ mode: String, of path: String) throws {
    try git("update-index", "--cacheinfo", "\(mode),\(head(":\(path)")),\(path)")
    try git("commit", "--quiet", "--message", "Change the mode of \(path)")
  }

  /// Pushes to the repository that this one was cloned from.
  public func push(_ arguments: String...) throws {
    try git(["push", "--quiet", "origin"] + (arguments.isEmpty ? ["main"] : arguments))
  }

  /// The commit id of a revision.
  public func head(_ revision: String = "HEAD") throws -> String { try git("rev-parse", revision) }

  /// Installs a shell script as a hook.
  public func setHook(_ name: String, _ script: String) throws {
    let hooks = try git("rev-parse", "--absolute-git-dir") + "/hooks"
    try FileManager.default.createDirectory(atPath: hooks, withIntermediateDirectories: true)
    try ProgramFile.write("#!/bin/sh\n" + script + "\n", to: hooks + "/" + name)
  }

  /// Runs a program until it ends.
  ///
  /// - Returns: The standard output without the final line feed.
  @discardableResult
  public static func run(
    _ command: [String], in folder: String?, input: String = "", environment: [String: String] = [:]
  ) throws -> String {
    let own = [
      "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_TERMINAL_PROMPT": "0",
      "GIT_AUTHOR_NAME": "Test", "GIT_AUTHOR_EMAIL": "test@example.invalid",
      "GIT_COMMITTER_NAME": "Test", "GIT_COMMITTER_EMAIL": "test@example.invalid", "LC_ALL": "C.UTF-8",
    ]
    let inherited = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("GIT_") }
    let variables = inherited.merging(own) { $1 }.merging(environment) { $1 }
    // Uses files instead of pipes, because a program can block on a full pipe.
    let scratch = try TemporaryFolder()
    let (from, to, problems) = (scratch.path + "/in", scratch.path + "/out", scratch.path + "/err")
    try Data(input.utf8).write(to: URL(fileURLWithPath: from))
    let code = try Spawn.run(
      command, in: folder, environment: variables, input: from, output: to, errors: problems)
    let printed = String(decoding: try Data(contentsOf: URL(fileURLWithPath: to)), as: UTF8.self)
    guard code == 0 else {
      let errorText = String(decoding: try Data(contentsOf: URL(fileURLWithPath: problems)), as: UTF8.self)
      throw ToolError("\(command.joined(separator: " ")): \(errorText)")
    }
    return printed.hasSuffix("\n") ? String(printed.dropLast()) : printed
  }
}
