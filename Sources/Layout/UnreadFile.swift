import Diagnostics
import GitStore
import Manifests

extension RepositoryLayout {
  /// Reads the file that an entry of a tree stands for. Anything but a regular file is an error: taken for a file
  /// that is not there, it would make objects look deleted.
  public static func read(
    _ entry: TreeEntry, in repository: GitRepository
  ) async throws -> (layout: RepositoryLayout, findings: [Diagnostic]) {
    guard entry.isFile else { return (RepositoryLayout(), ManifestFile(unread: entry).findings) }
    return parse(try await repository.blob(entry.id))
  }
}

extension ManifestFile {
  /// Something that stands where a file could be, and is never followed.
  public init(unread entry: TreeEntry) {
    var reason: TreeEntry.Reason?
    if case .link(let found) = entry.kind { reason = found }
    let message =
      switch reason {
      case .symlink: "\(entry.path) is a symbolic link, which is never followed"
      case .submodule: "\(entry.path) is a submodule, which is never read"
      case .hostilePath:
        "\(entry.path) has a name that is not UTF-8 or could lead elsewhere, and is not read"
      case .tooDeep: "\(entry.path) is too many folders deep, and is not read"
      case .unknownMode, nil: "\(entry.path) is no file, and is not read"
      }
    self.init(
      path: entry.path,
      findings: [
        Diagnostic(
          rule: "file/link", severity: .error, location: SourceLocation(file: entry.path), message: message,
          hint: reason == .hostilePath
            ? "rename it; letters, digits, `-`, `_` and `.` are always read"
            : "put the file itself in its place")
      ])
  }
}
