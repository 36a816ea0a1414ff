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
      DemoCommand.self, RunCommand.self, SandboxCommand.self, ValidateCommand.self, PlanCommand.self,
      RehearseCommand.self, StatusCommand.self, WaitCommand.self, LogsCommand.self, EventsCommand.self,
      DiffCommand.self,
      SyncCommand.self, SuspendCommand.self, ResumeCommand.self, RetryCommand.self, HookCommand.self,
      InstallCommand.self, ImportCommand.self, DoctorCommand.self, ReportCommand.self, VersionCommand.self,
    ])

  /// The exit code of every command that could not be run.
  static let couldNotRun = ExitCode(2)

  static func main() async {
    // Swift reads the arguments from /proc; without it there are none, not even the program's name.
    guard !CommandLine.arguments.isEmpty else {
      Streams.error.line(
        "kdops: its arguments cannot be read: /proc is not mounted; mount it: mount -t proc proc /proc")
      exit(withError: couldNotRun)
    }
    if let problem = CommandSuggestion.problem(Array(CommandLine.arguments.dropFirst())) {
      Streams.error.line(problem)
      exit(withError: couldNotRun)
    }
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

  /// Runs the body of a command, and reports its error as one that kept the command from being run.
  static func reporting<T>(_ command: String, _ body: () async throws -> T) async throws -> T {
    do {
      return try await body()
    } catch let exit as ExitCode {
      throw exit
    } catch let error as UnwrittenResult {
      throw error
    } catch let error as ValidationError {
      throw error
    } catch {
      Streams.error.line("kdops \(command): \(ErrorText.words(error))")
      throw couldNotRun
    }
  }
}
