import Diagnostics
import Values

/// A settings file: one document that is not a Kubernetes object.
public struct SettingsFile: Sendable {
  public let path: String
  /// Nil if the file is empty or could not be read; `findings` then gives the reason.
  public let json: JSON?
  private var reported: [Diagnostic]
  private let bytes: [UInt8]
  /// Parsed once, when there is something to report.
  private var positions: ManifestPositions?
  /// The number of findings beyond the limit, and their highest severity.
  private var omitted = 0
  private var worstOmitted = Severity.warning

  /// - Parameter rule: The id of the rule that checks the contents, such as `settings/layout`.
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
    // A file that is too large is not read to its end.
    let source = problems.isEmpty ? nil : SourceText(Array(bytes.prefix(limits.bytes)))
    reported = problems.compactMap { problem in
      source.map { YAMLProblem.explained(problem, in: $0).diagnostic(file: path, source: $0) }
    }
  }

  /// The findings; beyond the limit, the first ones and the number of the others.
  public var findings: [Diagnostic] {
    guard omitted > 0 else { return reported }
    return reported + [FindingLimit.more(omitted, worstOmitted, about: path, at: reported.last?.location)]
  }

  /// Adds a finding about the value, or the key, at a path.
  public mutating func report(
    _ rule: String, at field: FieldPath, of part: ManifestPositions.Part = .value,
    severity: Severity = .error,
    _ message: String, hint: String? = nil
  ) {
    guard reported.count < FindingLimit.standard else {
      omitted += 1
      worstOmitted = max(worstOmitted, severity)
      return
    }
    let positions = positions ?? ManifestPositions(path: path, bytes: bytes)
    self.positions = positions
    let place = positions.location(of: part, at: field, document: 0)
    reported.append(
      Diagnostic(rule: rule, severity: severity, location: place, message: message, hint: hint))
  }
}
