import Logging
import Synchronization

/// Captures the log of a daemon.
final class RecordedLog: LogHandler, Sendable {
  private let kept = Mutex<[(event: String, metadata: Logger.Metadata)]>([])

  /// The metadata of all events with this name.
  func events(_ name: String) -> [[String: String]] {
    kept.withLock { kept in
      kept.filter { $0.event == name }.map { $0.metadata.mapValues { "\($0)" } }
    }
  }

  var metadata: Logger.Metadata {
    get { [:] }
    set {}
  }
  var logLevel: Logger.Level {
    get { .trace }
    set {}
  }
  subscript(metadataKey _: String) -> Logger.Metadata.Value? {
    get { nil }
    set {}
  }
  func log(event: LogEvent) {
    kept.withLock { $0.append(("\(event.message)", event.metadata ?? [:])) }
  }
}
