extension Diagnostic {
  /// Where servers are told that it stands that do not take a finding without a place. What concerns no file is said
  /// of the file that tells where all others are.
  var reportedLocation: SourceLocation { location ?? SourceLocation(file: ".kdops.yaml") }

  /// Message and hint in one line that hides nothing from its reader.
  var sentence: String {
    let subject = location == nil ? object.map { "\($0.kind) \($0): " } ?? "" : ""
    return TerminalText.visible("\(subject)\(message)." + (hint.map { " Help: \($0)." } ?? ""))
  }
}
