import Diagnostics
import FoundationEssentials
import Subprocess

/// A remote and a clone in a folder of the demo, used with the `git` command as users do.
struct DemoRepository: Sendable {
  /// The bare repository that the daemon follows.
  let remote: String
  /// The clone in which changes are committed and pushed.
  let clone: String
  private let console: Console

  /// Creates both from a folder of files.
  static func make(of sample: String, in folder: String, console: Console) async throws -> DemoRepository {
    let repository = DemoRepository(
      remote: "\(folder)/fleet.git", clone: "\(folder)/fleet", console: console)
    try copy(sample, over: repository.clone)
    try await repository.git("init", "--quiet", "--initial-branch=main", says: false)
    // The demo must not depend on or change the user's git configuration.
    for (key, value) in [
      ("user.name", "kdops demo"), ("user.email", "demo@localhost"), ("commit.gpgSign", "false"),
      ("core.hooksPath", ".git/hooks"), ("core.autocrlf", "false"),
    ] {
      try await repository.git("config", key, value, says: false)
    }
    try await repository.git(
      "init", "--quiet", "--bare", "--initial-branch=main", repository.remote, says: false)
    try await repository.git("remote", "add", "origin", repository.remote, says: false)
    return repository
  }

  /// Copies a change of the sample over the clone, commits and pushes it.
  ///
  /// - Returns: The commit's id.
  func apply(change: String, message: String) async throws -> String {
    try Self.copy("\(clone)/changes/\(change)", over: clone)
    console.line("$ cp -R changes/\(change)/. .")
    try await git("add", "apps", "clusters")
    return try await commit(message)
  }

  /// Copies files and their executable bits. The copies belong to the current user, because the sample may
  /// belong to another one.
  private static func copy(_ folder: String, over clone: String) throws {
    let manager = FileManager.default
    try manager.createDirectory(atPath: clone, withIntermediateDirectories: true)
    for path in try manager.subpathsOfDirectory(atPath: folder).sorted() {
      let (source, target) = ("\(folder)/\(path)", "\(clone)/\(path)")
      var isFolder = false
      guard manager.fileExists(atPath: source, isDirectory: &isFolder) else { continue }
      if isFolder {
        try manager.createDirectory(atPath: target, withIntermediateDirectories: true)
      } else {
        try Data(contentsOf: URL(filePath: source)).write(to: URL(filePath: target))
        let mode = manager.isExecutableFile(atPath: source) ? 0o755 : 0o644
        try manager.setAttributes([.posixPermissions: mode], ofItemAtPath: target)
      }
    }
  }

  /// Commits and pushes the index.
  func commit(_ message: String) async throws -> String {
    try await git("commit", "--quiet", "--message", message)
    return try await push()
  }

  func revert() async throws -> String {
    try await git("revert", "--no-edit", "HEAD")
    return try await push()
  }

  private func push() async throws -> String {
    try await git("push", "--quiet", "--set-upstream", "origin", "main")
    return try await git("rev-parse", "HEAD", says: false)
  }

  /// Runs `git` in the clone.
  ///
  /// - Parameter says: Whether the command is shown.
  /// - Returns: The standard output without the final line feed.
  @discardableResult
  func git(_ arguments: String..., says: Bool = true) async throws -> String {
    if says { console.line("$ git \(arguments.map(Self.quoted).joined(separator: " "))") }
    let result = try await Subprocess.run(
      .name("git"), arguments: Arguments(arguments), workingDirectory: .init(clone),
      output: .string(limit: 1 << 20), error: .string(limit: 1 << 16))
    guard result.terminationStatus.isSuccess else {
      let words = result.standardError.split(separator: "\n").joined(separator: "; ")
      throw DemoError("git \(arguments.first ?? "") failed in \(clone): \(words)")
    }
    let printed = result.standardOutput
    return printed.hasSuffix("\n") ? String(printed.dropLast()) : printed
  }

  private static func quoted(_ word: String) -> String {
    word.contains { " *'\"$".contains($0) } ? "'\(word)'" : word
  }
}

/// An error that ends the demo.
struct DemoError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
