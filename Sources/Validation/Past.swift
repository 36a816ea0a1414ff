import Diagnostics
import GitStore
import Manifests
import Rules
import Synchronization

/// Finds the previous app of a cluster in the history of its file: the one before the app at the base.
///
/// The judge asks only for clusters that change their app and have no status.
final class Past: Sendable {
  private let comparison: Comparison
  private let reader: ObjectReader
  private let problem = Mutex<GitError?>(nil)

  init(_ comparison: Comparison, reader: ObjectReader) {
    (self.comparison, self.reader) = (comparison, reader)
  }

  /// - Throws: The error that prevented reading the history. Conclusions drawn without it are invalid.
  func check() throws(GitError) {
    if let problem = problem.withLock(\.self) { throw problem }
  }

  /// Returns nil if the cluster had no other app. Blocks while it reads.
  func app(before cluster: ObjectReference) -> String? {
    guard let (base, commit) = comparison.base, let now = base.snapshot.cluster(cluster),
      let path = now.source?.path
    else { return nil }
    do throws(GitError) {
      var app: String?
      try reader.forEachVersion(of: path, from: commit, size: ManifestLimits.standard.bytes) { bytes in
        let file = ManifestFile.parse(
          path: path, bytes: bytes, defaultNamespace: base.layout.defaultNamespace)
        let document = file.documents.first {
          $0.reference(defaultNamespace: base.layout.defaultNamespace) == cluster
        }
        guard let named = document?.json["spec"]?["app"]?.string, named != now.spec.app else { return true }
        app = named
        return false
      }
      return app
    } catch {
      problem.withLock { $0 = $0 ?? error }
      return nil
    }
  }
}
