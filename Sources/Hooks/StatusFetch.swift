import Diagnostics
import FoundationEssentials
import GitStore
import Subprocess
import Terminal
import Validation

/// Fetches what the daemon last wrote of running clusters, for those who asked for it. By the `git` command, because
/// a clone's own credentials are its to use: helpers, headers that CI sets, the user's ssh.
public enum StatusFetch {
  /// Brings the copy in a clone up to date, and tells of it on a console.
  ///
  /// - Parameters:
  ///   - path: a folder or a file in the clone.
  ///   - environment: what `FetchCredentials` reads.
  /// - Throws: `GitError` where there is no remote, or it cannot be reached. One without a status is no error.
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

  /// - Parameter shows: whether git shows its own progress.
  /// - Returns: what git had to say where it failed; empty where it has said so itself.
  private static func fetch(
    _ remote: String, in folder: String, _ credentials: FetchCredentials?, shows: Bool
  ) async throws -> String? {
    let arguments =
      (credentials == nil ? [] : FetchCredentials.arguments) + [
        "fetch", "--prune", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--refmap=",
        shows ? "--progress" : "--quiet", remote, FetchSettings.status,
      ]
    // Nobody is there to be asked for a password, and a server that says nothing for a minute will not.
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
