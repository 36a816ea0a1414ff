import ArgumentParser
import Diagnostics
import FoundationEssentials
import GitStore
import Hooks
import Plan
import Validation

/// `kdops plan`: shows the effect of a merge before it is merged.
struct PlanCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Show the effect of a merge on each cluster: pods in their order, scripts, and rollback.",
    discussion: """
      Several commits count as one net change. The order of roles and pods is the engine's own; its actions \
      are simulated in a cluster where nothing fails.

      Exit codes: 0 nothing would be rejected, 1 something would, 2 it could not be run.
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable {
    case human
    case markdown
    case json
  }

  @Option(help: ArgumentHelp("The revision that would be merged into.", valueName: "rev"))
  var base: String

  @Option(help: ArgumentHelp("The revision that would be merged.", valueName: "rev"))
  var head = "HEAD"

  @Option(name: .output, help: "human, markdown (a comment on a merge request) or json.")
  var format = Format.human

  @Option(
    name: [.customShort("C"), .customLong("repo"), .long],
    help: ArgumentHelp("The repository.", valueName: "dir"))
  var repository = "."

  @Option(help: ArgumentHelp("The ref of the status tree, if it is not the default.", valueName: "ref"))
  var statusRef: String?

  @Flag(help: "Fetch the status of running clusters first, from the remote that has it.")
  var fetchStatus = false

  @OptionGroup var screen: ScreenOptions

  func run() async throws {
    let environment = ProcessInfo.processInfo.environment
    let (validation, plan) = try await Kdops.reporting("plan") {
      if fetchStatus {
        try await StatusFetch.run(
          path: repository, console: screen.console(2, environment), environment)
      }
      let validation = try await Validation.run(
        .commits(base: base, head: head), path: repository, statusRef: statusRef, environment: environment,
        now: Int64(Date().timeIntervalSince1970))
      return (validation, try await Plan.of(validation, in: repository, environment))
    }
    switch format {
    case .json: try Streams.output.result(PlanJSON.render(plan), .json)
    case .markdown: try Streams.output.result(PlanMarkdown.render(plan), .document)
    case .human:
      let console = screen.console(1, environment)
      let text = PlanText(isColoured: console.isColoured, sourceLine: { validation.line($1, of: $0) })
      try Streams.output.result(console.shown(text.render(plan)), .styled)
    }
    if plan.isRejected { throw ExitCode(1) }
  }
}
