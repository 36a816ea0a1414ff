import ArgumentParser
import Diagnostics
import FoundationEssentials
import Logging

/// The log options; the same for every command that runs a daemon.
struct LogOptions: ParsableArguments {
  @Option(
    help:
      "human, logfmt or json. (default: human on a terminal, otherwise logfmt) [environment: KDOPS_LOG_FORMAT]"
  )
  var logFormat: LogFormat?

  @Option(help: "trace, debug, info, notice, warning, error or critical. [environment: KDOPS_LOG_LEVEL]")
  var logLevel: Logger.Level?

  /// Creates a logger that writes to a console.
  ///
  /// - Parameter standard: The default level.
  /// - Throws: `ValidationError` if the environment has an unknown format or level.
  func logger(to console: Console, standard: Logger.Level, _ environment: [String: String]) throws -> Logger {
    let format =
      try logFormat ?? word("KDOPS_LOG_FORMAT", environment)
      ?? (console.isTerminal ? .human : .logfmt)
    let level = try logLevel ?? word("KDOPS_LOG_LEVEL", environment) ?? standard
    return Logger(label: "kdops") { _ in
      LineLogHandler(
        level: level, format: format, now: { Int(Date().timeIntervalSince1970) },
        write: { console.line($0, format == .json ? .json : .text) })
    }
  }

  private func word<Word: RawRepresentable<String> & CaseIterable>(
    _ name: String, _ environment: [String: String]
  ) throws -> Word? {
    guard let text = environment[name], !text.isEmpty else { return nil }
    guard let word = Word(rawValue: text) else {
      let words = Word.allCases.map(\.rawValue).joined(separator: ", ")
      throw ValidationError("\(name) is '\(text)'; it must be one of \(words)")
    }
    return word
  }
}

extension LogFormat: ExpressibleByArgument {}
extension Logger.Level: @retroactive ExpressibleByArgument {}
