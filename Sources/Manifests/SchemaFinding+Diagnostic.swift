import Diagnostics
import Values

extension ManifestPositions {
  /// A schema's finding as people get to see it, with its place in this file and, where quotes are missing, with
  /// what to write.
  ///
  /// - Parameters:
  ///   - rule: The id that the finding goes by.
  ///   - defaultNamespace: The namespace of an object that names none.
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
