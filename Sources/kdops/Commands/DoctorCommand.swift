import ArgumentParser
import Diagnostics
import FoundationEssentials

/// `kdops doctor`: checks what a daemon needs.
struct DoctorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract:
      "Check the machine, the repository and the cluster for what the daemon needs, and name each fix.",
    discussion: """
      Takes the flags, the environment and the --config file of `kdops run`. Checks whether the repository can be read, \
      the permissions on Kubernetes, bubblewrap, what `verify` needs, the clock, the disk, and versions. Changes \
      nothing, and does not push: whether statuses can be pushed is shown by `kdops status`.
      Exit codes: 0 nothing is wrong, also with warnings; 1 something is wrong; 2 it could not be run.
      """)

  @OptionGroup var options: CheckupOptions

  @Option(name: .output, help: ResultFormat.help)
  var format = ResultFormat.human

  @OptionGroup var screen: ScreenOptions

  func run() async throws {
    let environment = ProcessInfo.processInfo.environment
    let console = screen.console(1, environment)
    let checkup = Checkup(await CheckupProbe(options: options, environment: environment).facts())
    switch format {
    case .human:
      for line in CheckupText(isColoured: console.isColoured).lines(checkup) {
        try Streams.output.result(console.shown(line) + "\n", .styled)
      }
    case .json, .yaml: try Streams.output.result(checkup.json, asYAML: format == .yaml)
    }
    if checkup.hasFailed { throw ExitCode(1) }
  }
}
