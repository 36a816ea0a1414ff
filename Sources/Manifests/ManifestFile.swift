import Diagnostics
import Values

/// One file of the repository, read: the objects in it, and what is wrong with the file itself.
public struct ManifestFile: Sendable, Hashable {
  /// The path from the repository's root.
  @ExactString public var path: String
  /// The objects of known kinds, in the order of the file.
  public var documents: [ManifestDocument] = []
  /// What rules about files have to say. With an error among them the file may hold objects that `documents`
  /// lacks, so nobody may conclude that an object is gone.
  public var findings: [Diagnostic] = []

  /// A file of which everything is known already.
  public init(path: String, documents: [ManifestDocument] = [], findings: [Diagnostic] = []) {
    self.path = path
    self.documents = documents
    self.findings = findings
  }

  /// A file that is larger than what is read, and of which nothing was.
  ///
  /// - Parameter size: in bytes.
  public init(path: String, tooLarge size: Int, limits: ManifestLimits = .standard) {
    let issue = FileIssue.tooLarge(size, limits)
    self.init(path: path, findings: [issue.diagnostic(file: path, source: SourceText([]))])
  }

  /// Whether everything in the file could be read.
  public var isWhole: Bool { !findings.contains { $0.severity == .error } }

  /// Reads a file; JSON, strictly, when its name ends in `.json`, otherwise YAML as `kubectl` understands it.
  ///
  /// Never fails: what cannot be read becomes findings, and what stands before it is still given.
  /// - Parameter defaultNamespace: The namespace that findings name for an object without one.
  public static func parse(
    path: String, bytes: [UInt8], defaultNamespace: String = "default", limits: ManifestLimits = .standard
  ) -> ManifestFile {
    bytes.withUnsafeBytes {
      parse(path: path, bytes: $0, defaultNamespace: defaultNamespace, limits: limits)
    }
  }

  /// Reads a file from bytes that are valid during the call.
  public static func parse(
    path: String, bytes: UnsafeRawBufferPointer, defaultNamespace: String = "default",
    limits: ManifestLimits = .standard
  ) -> ManifestFile {
    var reader = ManifestReader(path: path, bytes: bytes, defaultNamespace: defaultNamespace, limits: limits)
    reader.read()
    return ManifestFile(path: path, documents: reader.documents, findings: reader.findings)
  }

  /// Where a value, or its key, stands in a file; for many questions about one file ask `ManifestPositions`.
  public static func locate(
    bytes: [UInt8], path: String, document: ManifestDocument, _ field: FieldPath,
    of part: ManifestPositions.Part = .value
  ) -> SourceLocation {
    ManifestPositions(path: path, bytes: bytes).location(of: part, at: field, in: document)
  }
}
