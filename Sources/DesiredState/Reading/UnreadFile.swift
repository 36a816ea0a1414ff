import Diagnostics
import GitStore
import Manifests

extension Diagnostic {
  /// The finding for a tree that cannot be read, at the path where the error occurred; nil for errors that are not
  /// about a tree, such as a missing repository.
  public init?(unreadable error: GitError) {
    guard error.kind == .tooLarge || error.kind == .malformed else { return nil }
    self.init(
      rule: error.kind == .tooLarge ? FileRule.limit : FileRule.tree, severity: .error,
      location: error.path.map { SourceLocation(file: $0) }, message: error.message, hint: error.hint)
  }
}

extension ManifestFile {
  /// Parses a file of a repository; for a file that is too large the result contains only the finding.
  ///
  /// - Parameter content: read with the limit of `ManifestLimits.standard`.
  public static func parse(
    path: String, content: BlobContent<UnsafeRawBufferPointer>, defaultNamespace: String
  ) -> ManifestFile {
    switch content {
    case .bytes(let bytes): parse(path: path, bytes: bytes, defaultNamespace: defaultNamespace)
    case .tooLarge(let size): ManifestFile(path: path, tooLarge: size)
    case .baseTooLarge: ManifestFile(baseTooLarge: path)
    }
  }

  /// A file with the finding that git stores it as a delta against an object that is too large to be unpacked.
  public init(baseTooLarge path: String) {
    self.init(
      path: path,
      findings: [
        Diagnostic(
          rule: FileRule.limit, severity: .error, location: SourceLocation(file: path),
          message: "\(path) is stored as a delta against an object that is too large to be unpacked",
          hint: GitError.repackingHint)
      ])
  }

  /// A file with the finding for a tree entry that is not a regular file; such an entry is never followed.
  public init(unread entry: TreeEntry) {
    var reason: TreeEntry.Reason?
    if case .link(let found) = entry.kind { reason = found }
    let message =
      switch reason {
      case .symlink: "\(entry.path) is a symbolic link, which is never followed"
      case .submodule: "\(entry.path) is a submodule, which is never read"
      case .hostilePath:
        "\(entry.path) has a name that could lead elsewhere, and is not read"
      case .notUTF8: "\(entry.path) has a name that is not UTF-8, and is not read"
      case .tooDeep: "\(entry.path) is too many folders deep, and is not read"
      case .unknownMode, nil: "\(entry.path) is no file, and is not read"
      }
    self.init(
      path: entry.path,
      findings: [
        Diagnostic(
          rule: reason == .notUTF8 ? FileRule.encoding : FileRule.link, severity: .error,
          location: SourceLocation(file: entry.path), message: message,
          hint: reason == .hostilePath || reason == .notUTF8
            ? "rename it; letters, digits, `-`, `_` and `.` are always read"
            : "put the file itself in its place")
      ])
  }
}
