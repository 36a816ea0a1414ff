import ArgumentParser
import Diagnostics
import FoundationEssentials
import Values
import Views

/// How long a command waits, and how it shows that it waits.
struct WaitOptions: ParsableArguments {
  @Option(help: "How long to wait: 90s, 10m.")
  var timeout = "5m"

  @OptionGroup var screen: ScreenOptions

  func validate() throws {
    guard Duration(written: timeout).map({ $0 > .zero }) == true else {
      throw ValidationError("--timeout \(timeout) is not a duration; write 90s or 10m")
    }
  }

  /// Evaluates a condition until it is reached, fails or is not reached in time, and prints the result. What is waited
  /// for is shown each time that it changes.
  ///
  /// - Parameter command: the command's name, for messages.
  func wait(
    for command: String, environment: [String: String] = ProcessInfo.processInfo.environment,
    _ evaluate: () async throws -> WaitCondition.Result
  ) async throws {
    let console = screen.console(2, environment)
    let clock = ContinuousClock()
    let began = clock.now
    let limit = Duration(written: timeout) ?? .seconds(300)
    var shown = ""
    while true {
      switch try await evaluate() {
      case .reached(let words):
        console.show([])
        try Streams.output.result(TerminalText.visible(words) + "\n")
        return
      case .failed(let words):
        console.show([])
        Streams.error.line("kdops \(command): \(TerminalText.visible(words))")
        throw ExitCode(1)
      case .pending(let words):
        let elapsed = clock.now - began
        guard elapsed < limit else {
          console.show([])
          Streams.error.line(
            "kdops \(command): not reached within \(timeout): \(TerminalText.visible(words)); "
              + "wait longer with --timeout")
          throw ExitCode(1)
        }
        if console.isTerminal {
          let line = "waits, \(elapsed.components.seconds) s: \(TerminalText.visible(words))"
          console.show([StyledLine.cut(line, to: console.size.columns - 1)])
        } else if words != shown {
          console.line("waits: \(TerminalText.visible(words))")
        }
        shown = words
        try await clock.sleep(for: min(.seconds(1), limit - elapsed))
      }
    }
  }
}
