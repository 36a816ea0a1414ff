import ArgumentParser
import Diagnostics

@main
struct Kdops: AsyncParsableCommand {
  static let version = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "kdops",
    abstract: "Live upgrades of stateful applications, driven by git.",
    version: version,
    subcommands: [
      DemoCommand.self, RunCommand.self, ValidateCommand.self, PlanCommand.self, RehearseCommand.self,
      StatusCommand.self, DiffCommand.self, SyncCommand.self, SuspendCommand.self, ResumeCommand.self,
      RetryCommand.self, HookCommand.self, InstallCommand.self, VersionCommand.self,
    ])

  /// The exit code of every command that could not be run.
  static let couldNotRun = ExitCode(2)

  static func main() async {
    do {
      var command = try parseAsRoot()
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch let error as UnwrittenResult {
      Streams.error.line("kdops: \(error)")
      exit(withError: couldNotRun)
    } catch {
      // An invalid command line also means that the command could not be run.
      guard exitCode(for: error) == .validationFailure else { exit(withError: error) }
      Streams.error.line(fullMessage(for: error))
      exit(withError: couldNotRun)
    }
  }
}
