import Diagnostics
import Values

/// A file of settings: one document that is no object of a cluster.
public struct SettingsFile: Sendable {
  public let path: String
  /// Nil where the file is empty or could not be read; `findings` then says why.
  public let json: JSON?
  private var reported: [Diagnostic]
  private let bytes: [UInt8]
  /// Read when there is something to report, and once.
  private var positions: ManifestPositions?
  /// The findings beyond the limit, and the worst of them.
  private var omitted = 0
  private var worstOmitted = Severity.warning

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
    reported = problems.compactMap { problem in
      source.map { YAMLProblem.explained(problem, in: $0).diagnostic(file: path, source: $0) }
    }
  }

  /// What is wrong with it; of more than anybody reads, the first ones and how many there are besides.
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
