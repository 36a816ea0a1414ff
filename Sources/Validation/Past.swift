import Diagnostics
import GitStore
import Manifests
import Rules
import Synchronization

/// Looks up, in the history of its file, which app a cluster had before the one that it has at the base.
///
/// Only a cluster is asked for that changes its app while no status of it is at hand.
final class Past: Sendable {
  private let comparison: Comparison
  private let reader: ObjectReader
  private let problem = Mutex<GitError?>(nil)

  init(_ comparison: Comparison, reader: ObjectReader) {
    (self.comparison, self.reader) = (comparison, reader)
  }

  /// - Throws: what kept the history from being read: whatever was concluded without it does not hold.
  func check() throws(GitError) {
    if let problem = problem.withLock(\.self) { throw problem }
  }

  /// Nil where it had no other one. Blocks while it reads.
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
