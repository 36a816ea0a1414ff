import ArgumentParser
import Diagnostics
import Hooks

/// `kdops hook install`: installs hooks in a repository.
struct HookInstallCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "install", abstract: "Install hooks in a repository, or uninstall them.",
    discussion: """
      Without names: pre-commit and pre-push in a clone, pre-receive in a bare repository. An existing hook is \
      kept and runs first. In a clone, `git fetch` is also set up to fetch the status of running clusters and the notes.
      Exit codes: 0 done, 1 a hook was left unchanged for you to decide, 2 it could not be done.
      """)

  @Argument(help: "pre-commit, pre-merge-commit, pre-push, pre-receive.")
  var names: [HookName] = []

  @Flag(help: "Uninstall the hooks, and restore the previous ones.")
  var uninstall = false

  @Option(help: ArgumentHelp("The repository.", valueName: "path"))
  var repo = "."

  @Option(help: "The branch that the daemon follows; pushes of other branches are not judged.")
  var branch: String?

  @Option(help: "The remote that has the status. (default: origin)")
  var remote: String?

  @Option(
    help: "The installation whose status is used, if several follow the repository. (default: default)")
  var installation: String?

  func run() async throws {
    let installing = HookInstallation(
      folder: repo, remote: remote, branch: branch, installation: installation)
    let result: HookInstallation.Result
    do {
      result = try await uninstall ? installing.uninstall(names) : installing.install(names)
    } catch {
      Streams.error.line("kdops hook install: \(TerminalText.visible(ErrorText.words(error)))")
      throw Kdops.couldNotRun
    }
    for line in result.lines { Streams.output.line(line) }
    if result.leftAny { throw ExitCode(1) }
  }
}
