extension Diagnostic {
  /// The location for formats that require one for each finding. A finding without a file is placed at `.kdops.yaml`,
  /// which determines where all other files are.
  var reportedLocation: SourceLocation { location ?? SourceLocation(file: ".kdops.yaml") }

  /// The message and the hint on one line, with control characters made visible.
  var sentence: String {
    let subject = location == nil ? object.map { "\($0.kind) \($0): " } ?? "" : ""
    return TerminalText.visible("\(subject)\(message)." + (hint.map { " Help: \($0)." } ?? ""))
  }
}
