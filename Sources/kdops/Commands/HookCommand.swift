import ArgumentParser
import Diagnostics
import FoundationEssentials
import GitStore
import Hooks

/// `kdops hook`: installs and runs git hooks that apply the rules on commit and push.
struct HookCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hook", abstract: "Run kdops in git hooks before a commit, a push or a received push.",
    subcommands: [HookInstallCommand.self, HookRunCommand.self])
}

/// `kdops hook run`: called by an installed hook.
struct HookRunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Judge a change as a git hook; git starts this command.",
    discussion: """
      Reads only the repository in which git started it, and uses no network. git config kdops.branch names the \
      branch that is judged.
      Exit codes: 0 accepted, 1 refused, 2 it could not be judged; git continues only with 0.
      """)

  @Argument(help: ArgumentHelp(visibility: .default))
  var name: HookName

  @Argument(help: "The arguments that git passes to the hook.")
  var arguments: [String] = []

  func run() async throws {
    let environment = ProcessInfo.processInfo.environment
    let console = Console(descriptor: 2, environment: environment)
    let judged: [HookRun.Judged]
    do {
      // Git has already checked the repository's owner before it ran the hook.
      try GitLibrary.trustOwners()
      let hook = HookRun(
        name: name, arguments: arguments,
        repository: try await GitRepository.openFromEnvironment(path: ".", environment),
        environment: environment, now: Int64(Date().timeIntervalSince1970))
      judged = try await hook.judge(name.readsRefs ? Self.input() : "")
    } catch {
      Streams.error.line("kdops hook \(name.rawValue): \(TerminalText.visible(ErrorText.words(error)))")
      throw Kdops.couldNotRun
    }
    for line in HookText(name: name, isColoured: console.isColoured).lines(judged) {
      Streams.error.styledLine(console.shown(line))
    }
    if judged.contains(where: { $0.validation.report.count(.error) > 0 }) { throw ExitCode(1) }
  }

  /// Reads git's data from the standard input.
  private static func input() -> String {
    var text = ""
    while let line = readLine(strippingNewline: false) { text += line }
    return text
  }
}

extension HookName: ExpressibleByArgument {}
