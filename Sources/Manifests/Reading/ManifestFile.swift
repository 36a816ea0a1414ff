import Diagnostics
import Values

/// The parsed content of one repository file: its objects, and the errors in the file itself.
public struct ManifestFile: Sendable, Hashable {
  /// The path relative to the repository's root.
  @ExactString public var path: String
  /// The objects of known kinds, in file order.
  public var documents: [ManifestDocument] = []
  /// The findings of rules about files. If one is an error, the file may contain objects that `documents` lacks, so a
  /// missing object must not count as deleted.
  public var findings: [Diagnostic] = []
  /// The number of values in the file as far as it was read, where each alias counts as everything that it expands to.
  public var valueCount = 0

  /// Creates a file from known content.
  public init(path: String, documents: [ManifestDocument] = [], findings: [Diagnostic] = []) {
    self.path = path
    self.documents = documents
    self.findings = findings
  }

  /// Creates a file that exceeds the size limit and was not read.
  ///
  /// - Parameter size: In bytes.
  public init(path: String, tooLarge size: Int, limits: ManifestLimits = .standard) {
    let issue = FileIssue.tooLarge(size, limits)
    self.init(path: path, findings: [issue.diagnostic(file: path, source: SourceText([]))])
  }

  /// Whether the whole file could be read.
  public var isWhole: Bool { !findings.contains { $0.severity == .error } }

  /// Parses a file: strict JSON if its name ends in `.json`, otherwise YAML with the semantics of `kubectl`.
  ///
  /// Never fails: what cannot be read becomes findings, and the objects before it are still returned.
  /// - Parameter defaultNamespace: The namespace in findings for an object that does not set one.
  public static func parse(
    path: String, bytes: [UInt8], defaultNamespace: String = "default", limits: ManifestLimits = .standard
  ) -> ManifestFile {
    bytes.withUnsafeBytes {
      parse(path: path, bytes: $0, defaultNamespace: defaultNamespace, limits: limits)
    }
  }

  /// Parses a file from bytes that are valid during the call.
  public static func parse(
    path: String, bytes: UnsafeRawBufferPointer, defaultNamespace: String = "default",
    limits: ManifestLimits = .standard
  ) -> ManifestFile {
    var reader = ManifestReader(path: path, bytes: bytes, defaultNamespace: defaultNamespace, limits: limits)
    reader.read()
    var file = ManifestFile(path: path, documents: reader.documents, findings: reader.findings)
    file.valueCount = reader.valueCount
    return file
  }

  /// The place of a value, or of its key, in a file. For several places in one file use `ManifestPositions`.
  public static func locate(
    bytes: [UInt8], path: String, document: ManifestDocument, _ field: FieldPath,
    of part: ManifestPositions.Part = .value
  ) -> SourceLocation {
    ManifestPositions(path: path, bytes: bytes).location(of: part, at: field, in: document)
  }
}
