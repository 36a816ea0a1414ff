extension Diagnostic {
  /// The location for formats that require one for each finding. For a finding without a file it is the file that says
  /// where all others are.
  var reportedLocation: SourceLocation { location ?? SourceLocation(file: ".kdops.yaml") }

  /// The message and the hint on one line, with control characters made visible.
  var sentence: String {
    let subject = location == nil ? object.map { "\($0.kind) \($0): " } ?? "" : ""
    return TerminalText.visible("\(subject)\(message)." + (hint.map { " Help: \($0)." } ?? ""))
  }
}
