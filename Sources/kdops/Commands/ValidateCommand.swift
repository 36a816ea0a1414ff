import ArgumentParser
import Diagnostics
import FoundationEssentials
import GitStore
import Hooks
import Validation

/// `kdops validate`: checks files against every rule before they are pushed.
struct ValidateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "validate",
    abstract: "Judge a folder, staged changes, or the changes between two commits.",
    discussion: """
      Exit codes: 0 no error, 1 errors (with --strict also warnings), 2 it could not be run, or there was no file to judge.

      Formats: human; json, a stable interface; sarif (2.1.0), for code scanning and editors; junit, for test reports; \
      github, annotations of a GitHub Actions job; gitlab, GitLab's code quality. In CI, print the log for people \
      and write reports to files: kdops validate --base origin/main --report junit=kdops.xml --report gitlab=kdops.json
      """)

  @Argument(help: "A folder or a file; findings in other files are left out.")
  var path = "."

  @Flag(help: "Judge what `git commit` would commit, against HEAD.")
  var staged = false

  @Option(help: ArgumentHelp("Judge the changes since this revision.", valueName: "rev"))
  var base: String?

  @Option(help: ArgumentHelp("The revision to judge. (default: HEAD)", valueName: "rev"))
  var head: String?

  @Option(name: .output, help: "The output format: human, json, sarif, junit, github or gitlab.")
  var format = ReportFormat.human

  @Option(
    help: ArgumentHelp(
      "Also write a report of that format to a file; can be repeated.", valueName: "format=file"))
  var report: [ReportFile] = []

  @Flag(help: "Warnings count as errors.")
  var strict = false

  @Option(help: ArgumentHelp("The ref of the status tree, if it is not the default.", valueName: "ref"))
  var statusRef: String?

  @Flag(help: "Fetch the status of running clusters first, from the remote that has it.")
  var fetchStatus = false

  @Flag(help: "Accept a folder without any file of an app or a cluster.")
  var allowEmpty = false

  @OptionGroup var screen: ScreenOptions

  func validate() throws {
    if fetchStatus, !staged, base == nil {
      throw ValidationError("--fetch-status needs a change to judge: add --staged or --base")
    }
    if staged, base != nil || head != nil {
      throw ValidationError("--staged compares with HEAD; leave out --base and --head")
    }
    if head != nil, base == nil {
      throw ValidationError("--head needs --base, the revision to compare with")
    }
  }

  func run() async throws {
    let environment = ProcessInfo.processInfo.environment
    let target: Validation.Target =
      if staged { .staged } else if let base { .commits(base: base, head: head ?? "HEAD") } else { .workTree }
    let validation = try await Kdops.reporting("validate") {
      if fetchStatus {
        try await StatusFetch.run(
          path: path, console: screen.console(2, environment), environment)
      }
      return try await Validation.run(
        target, path: path, statusRef: statusRef, environment: environment,
        now: Int64(Date().timeIntervalSince1970))
    }
    let colour = screen.console(1, environment).isColoured
    try Streams.output.result(
      format.render(validation, version: Kdops.version, coloured: colour), format.notation)
    for file in report {
      do { try file.write(validation, version: Kdops.version) } catch {
        Streams.error.line("kdops validate: \(TerminalText.visible("\(error)"))")
        throw Kdops.couldNotRun
      }
    }
    let found = validation.report
    if found.count(.error) > 0 || (strict && found.count(.warning) > 0) { throw ExitCode(1) }
    try refuseNothing(validation)
  }

  /// Refuses a folder without files of apps or clusters, because a wrong path must not pass as valid. This
  /// does not apply to a change: most commits have no such files.
  private func refuseNothing(_ validation: Validation) throws {
    guard validation.selectedFiles == 0, !allowEmpty else { return }
    Streams.error.line(
      TerminalText.visible(
        "kdops validate: no file of an app or a cluster in \(path): they are in apps/ and clusters/, or in the folders that "
          + ".kdops.yaml names; name the right folder, or use --allow-empty"))
    throw Kdops.couldNotRun
  }
}

extension ReportFormat: ExpressibleByArgument {}
extension ReportFile: ExpressibleByArgument {}
