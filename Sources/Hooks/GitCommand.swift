import Diagnostics
import FoundationEssentials
import GitStore
import Subprocess
import Validation

/// Runs the `git` command for git's own configuration and for fetches with the user's credentials.
struct GitCommand: Sendable {
  /// The working directory of the command.
  let folder: String

  /// - Returns: The standard output without the final line feed.
  /// - Throws: `GitError` with git's own message if the command fails.
  @discardableResult
  func run(_ arguments: String...) async throws -> String {
    let (code, output, words) = try await ask(arguments)
    guard code == 0 else {
      throw GitError(
        .other, "git \(arguments.first ?? "") failed in \(folder): \(words)",
        hint: "try it yourself: git \(arguments.joined(separator: " "))")
    }
    return output
  }

  /// - Returns: Nil if the command fails, as `git config` does for a missing key.
  func answer(_ arguments: String...) async throws -> String? {
    let (code, output, _) = try await ask(arguments)
    return code == 0 ? output : nil
  }

  func remotes() async throws -> [String] {
    try await run("remote").split(separator: "\n").map(String.init)
  }

  /// The remote that the daemon writes its status to: the configured one, `origin`, or the only one.
  func statusRemote() async throws -> String? {
    let remotes = try await remotes()
    let usual = try await answer("config", "--local", "--get", RepositorySetting.remote) ?? "origin"
    if remotes.contains(usual) { return usual }
    return remotes.count == 1 ? remotes[0] : nil
  }

  private func ask(_ arguments: [String]) async throws -> (code: Int, output: String, words: String) {
    let result: ExecutionResult<Void, StringOutput<UTF8>, StringOutput<UTF8>>
    do {
      result = try await Subprocess.run(
        .name("git"), arguments: Arguments(arguments), workingDirectory: .init(folder),
        output: .string(limit: 1 << 20), error: .string(limit: 1 << 16))
    } catch {
      throw GitError(.invalid, "git cannot be run in \(folder)", hint: "install git, and check the path")
    }
    var output = result.standardOutput
    if output.hasSuffix("\n") { output.removeLast() }
    let words = Redaction.url(result.standardError).split(separator: "\n").joined(separator: "; ")
    return (result.terminationStatus.isSuccess ? 0 : 1, output, words)
  }
}
