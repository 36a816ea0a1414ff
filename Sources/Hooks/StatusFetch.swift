import Diagnostics
import FoundationEssentials
import GitStore
import Subprocess
import Validation

/// Fetches the daemon's latest status of running clusters on request. It uses the `git` command, because only
/// git can use all of a clone's credentials: helpers, headers that CI sets, the user's ssh.
public enum StatusFetch {
  /// Updates the status in a clone, and reports the result on a console.
  ///
  /// - Parameters:
  ///   - path: A folder or a file in the clone.
  ///   - environment: The variables that `FetchCredentials` reads.
  /// - Throws: `GitError` if there is no remote or it cannot be reached. A remote without a status is not an
  ///   error.
  public static func run(path: String, console: Console, _ environment: [String: String]) async throws {
    var isFolder = false
    let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
    let parent = URL(filePath: path).deletingLastPathComponent().path
    let git = GitCommand(folder: exists && !isFolder ? parent : path)
    guard let remote = try await git.statusRemote() else {
      throw GitError(
        .invalid, "there is no remote to fetch the status of running clusters from",
        hint: "name it: git config \(RepositorySetting.remote) NAME, or leave out --fetch-status")
    }
    let name = TerminalText.visible(remote)
    console.line("fetching the status of running clusters from \(name) …")
    let credentials = try FetchCredentials(environment)
    if let problem = try await fetch(remote, in: git.folder, credentials, shows: console.isTerminal) {
      throw GitError(
        .unreachable, "the status of running clusters could not be fetched from \(name)\(problem)",
        hint:
          "check that `git fetch \(name)` works here; without --fetch-status the rules that need it are not judged"
      )
    }
    let found = try await git.run("for-each-ref", "--format=%(refname)", "refs/kdops/remote/kdops/")
    if found.isEmpty { console.line("\(name) has no status of running clusters yet") }
  }

  /// - Parameter shows: Whether git shows its own progress.
  /// - Returns: Git's error message if it failed; empty if git has already printed it; nil on success.
  private static func fetch(
    _ remote: String, in folder: String, _ credentials: FetchCredentials?, shows: Bool
  ) async throws -> String? {
    let arguments =
      (credentials == nil ? [] : FetchCredentials.arguments) + [
        "fetch", "--prune", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--refmap=",
        shows ? "--progress" : "--quiet", remote, RepositorySetting.statusRefspec,
      ]
    // There is no user to enter a password. A server that sends nothing for a minute counts as unreachable.
    let environment = Environment.inherit.updating([
      "GIT_TERMINAL_PROMPT": "0", "GIT_HTTP_LOW_SPEED_LIMIT": "1", "GIT_HTTP_LOW_SPEED_TIME": "60",
    ]).updating(credentials?.variables ?? [:])
    if shows {
      let result = try await Subprocess.run(
        .name("git"), arguments: Arguments(arguments), environment: environment,
        workingDirectory: .init(folder), output: .discarded, error: .currentStandardError)
      return result.terminationStatus.isSuccess ? nil : ""
    }
    let result = try await Subprocess.run(
      .name("git"), arguments: Arguments(arguments), environment: environment,
      workingDirectory: .init(folder), output: .discarded, error: .string(limit: 1 << 16))
    if result.terminationStatus.isSuccess { return nil }
    let words = Redaction.url(result.standardError).split(separator: "\n").joined(separator: "; ")
    return words.isEmpty ? "" : ": \(TerminalText.visible(words))"
  }
}
