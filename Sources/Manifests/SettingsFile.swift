import Diagnostics
import Values

/// A file of settings: one document that is no object of a cluster.
public struct SettingsFile: Sendable {
  public let path: String
  /// Nil where the file is empty or could not be read; `findings` then says why.
  public let json: JSON?
  public private(set) var findings: [Diagnostic]
  private let bytes: [UInt8]

  /// - Parameter rule: the id under which the contents are judged, such as `settings/layout`.
  public init(path: String, bytes: [UInt8], limits: ManifestLimits = .standard) {
    self.path = path
    self.bytes = bytes
    let (found, problems) = bytes.withUnsafeBytes { raw -> (JSON?, [FileIssue]) in
      do throws(FileIssue) {
        var reader = try YAMLReader(raw, limits: limits)
        guard let document = try reader.next() else { return (nil, []) }
        return (document.json, document.issues)
      } catch {
        return (nil, [error])
      }
    }
    json = problems.isEmpty ? found : nil
    let source = problems.isEmpty ? nil : SourceText(bytes)
    findings = problems.compactMap { problem in
      source.map { YAMLProblem.explained(problem, in: $0).diagnostic(file: path, source: $0) }
    }
  }

  /// Adds a finding about the value, or the key, at a path.
  public mutating func report(
    _ rule: String, at field: FieldPath, of part: ManifestPositions.Part = .value,
    severity: Severity = .error,
    _ message: String, hint: String? = nil
  ) {
    let place = ManifestPositions(path: path, bytes: bytes).location(of: part, at: field, document: 0)
    findings.append(
      Diagnostic(rule: rule, severity: severity, location: place, message: message, hint: hint))
  }
}
