import Diagnostics
import KubeDirector
import Logging
import Values

/// The format of a log entry, which is always one line.
enum LogFormat: String, CaseIterable {
  /// Words, for people.
  case human
  /// Pairs of `key=value`.
  case logfmt
  case json
}

/// One log entry that is formatted as a line of text. Credentials are removed from every value.
struct LogLine {
  /// In whole seconds since 1970.
  var time: Int
  var level: Logger.Level
  /// The event's name for programs: `pod.upgraded`.
  var event: String
  var metadata: Logger.Metadata

  /// The keys that come first and last. Other keys are between them, sorted by name.
  private static let first = ["cluster", "object", "role", "pod", "commit"]
  private static let last = ["took", "error", "hint"]

  /// The metadata in their order, without credentials.
  var pairs: [(key: String, value: String)] {
    func rank(_ key: String) -> Int {
      if let place = Self.first.firstIndex(of: key) { return place - Self.first.count }
      return Self.last.firstIndex(of: key).map { $0 + 1 } ?? 0
    }
    return metadata.sorted { (rank($0.key), $0.key) < (rank($1.key), $1.key) }.map { key, value in
      (key, Redaction.url("\(value)"))
    }
  }

  func text(_ format: LogFormat) -> String {
    switch format {
    case .human: human
    case .logfmt: logfmt
    case .json: json
    }
  }

  private var logfmt: String {
    var text = "time=\(Timestamp.text(time)) level=\(level.rawValue) event=\(Self.word(Redaction.url(event)))"
    for (key, value) in pairs { text += " \(Self.key(key))=\(Self.word(value))" }
    return text
  }

  private var json: String {
    var members: JSON.Members = [
      "time": .string(Timestamp.text(time)), "level": .string(level.rawValue),
      "event": .string(Redaction.url(event)),
    ]
    for (key, value) in pairs { members[members[key] == nil ? key : "\(key)_"] = .string(value) }
    return JSON.object(members).text()
  }

  private static func key(_ text: String) -> String {
    String(text.map { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) ? $0 : "_" })
  }

  /// The value without quotes if a parser cannot misread it, else in quotes.
  private static func word(_ text: String) -> String {
    let isPlain =
      !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F && !"\"=\\".utf8.contains($0) }
    if isPlain, TerminalText.visible(text) == text { return text }
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\n": quoted += "\\n"
      case "\t": quoted += "\\t"
      default: quoted += TerminalText.visible(String(scalar))
      }
    }
    return quoted + "\""
  }
}

/// A log handler that formats each entry as one line and passes it to a closure.
struct LineLogHandler: LogHandler {
  var logLevel: Logger.Level
  var metadata: Logger.Metadata = [:]
  var metadataProvider: Logger.MetadataProvider?
  private let format: LogFormat
  private let now: @Sendable () -> Int
  private let write: @Sendable (String) -> Void

  /// - Parameters:
  ///   - now: Returns seconds since 1970.
  ///   - write: Called with each line without its line feed.
  init(
    level: Logger.Level, format: LogFormat, now: @escaping @Sendable () -> Int,
    write: @escaping @Sendable (String) -> Void
  ) {
    logLevel = level
    self.format = format
    self.now = now
    self.write = write
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    var all = metadata
    if let provided = metadataProvider?.get() { all.merge(provided) { $1 } }
    if let own = event.metadata { all.merge(own) { $1 } }
    if let error = event.error, all["error"] == nil { all["error"] = "\(error)" }
    write(LogLine(time: now(), level: event.level, event: "\(event.message)", metadata: all).text(format))
  }
}
