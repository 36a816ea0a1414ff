import Logging
import Synchronization
import TestSupport

extension Logger {
  static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
}

/// Captures all log output as text.
final class LogCapture: Sendable {
  private let lines = Mutex<[String]>([])

  var text: String { lines.withLock { $0.joined(separator: "\n") } }

  var logger: Logger {
    var logger = Logger(label: "test") { _ in Handler(capture: self) }
    logger.logLevel = .trace
    return logger
  }

  private struct Handler: LogHandler {
    let capture: LogCapture
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      let metadata = event.metadata ?? [:]
      capture.lines.withLock { $0.append("\(event.message) \(metadata)") }
    }
  }
}

extension TestClock {
  /// Advances the clock whenever a task sleeps, until the condition holds.
  func advance(whileSomeoneSleeps step: Duration, until condition: @Sendable () -> Bool) async {
    while !condition() {
      if sleeperCount > 0 { advance(by: step) }
      await Task.yield()
    }
  }
}
