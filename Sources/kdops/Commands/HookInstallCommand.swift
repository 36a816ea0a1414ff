import ArgumentParser
import Diagnostics
import Hooks
import Terminal

/// `kdops hook install`: installs hooks in a repository.
struct HookInstallCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "install", abstract: "Put hooks into a repository, or take them away.",
    discussion: """
      Without names: pre-commit and pre-push in a clone, pre-receive in a bare repository. A hook that is there already \
      is kept and asked first. In a clone it also has `git fetch` bring the status of running clusters, and the notes.
      Exit codes: 0 done, 1 a hook was left for you to decide about, 2 it could not be done.
      """)

  @Argument(help: "pre-commit, pre-merge-commit, pre-push, pre-receive.")
  var names: [HookName] = []

  @Flag(help: "Uninstall the hooks, and restore the previous ones.")
  var uninstall = false

  @Option(help: ArgumentHelp("The repository.", valueName: "path"))
  var repo = "."

  @Option(help: "The branch that the daemon follows; no other is judged when it is pushed.")
  var branch: String?

  @Option(help: "The remote that has the status. (default: origin)")
  var remote: String?

  @Option(
    help: "Whose status is asked, where several installations follow the repository. (default: default)")
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
