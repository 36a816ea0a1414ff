import Diagnostics
import Values

extension ManifestPositions {
  /// Converts a schema finding to a diagnostic with its place in this file and, if quotes are missing, with the
  /// corrected text.
  ///
  /// - Parameters:
  ///   - rule: The id of the rule that reports the finding.
  ///   - defaultNamespace: The namespace of an object that does not set one.
  public func diagnostic(
    for finding: SchemaFinding, in document: ManifestDocument, rule: String, severity: Severity,
    defaultNamespace: String
  ) -> Diagnostic {
    var hint = finding.hint
    if finding.wantsQuotes,
      let written = scalarText(at: document.prefix + finding.path, document: document.index)
    {
      hint = "write it in quotes: \"\(written)\""
    }
    return Diagnostic(
      rule: rule, severity: severity,
      location: location(of: finding.kind == .unknownField ? .key : .value, at: finding.path, in: document),
      object: document.reference(defaultNamespace: defaultNamespace), message: finding.message, hint: hint)
  }
}
