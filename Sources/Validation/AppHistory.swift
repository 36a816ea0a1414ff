import Diagnostics
import GitStore
import Layout
import Manifests
import Rules
import Synchronization

/// Finds the previous app of a cluster in the history of its file: the one before the app at the base.
///
/// The judge asks only for clusters that change their app and have no status. All of them share one walk through the
/// history and its limits, and each version of a file is parsed once, however many clusters it holds.
final class AppHistory: Sendable {
  private let comparison: Comparison
  private let reader: ObjectReader
  private let known = Mutex(Known())
  private let problem = Mutex<GitError?>(nil)

  private struct Known {
    /// Nil until the first question.
    var histories: FileHistories?
    /// The apps of the clusters in each blob that was parsed.
    var apps: [ObjectID: [ObjectReference: String]] = [:]
    /// How many further bytes may be parsed.
    var bytesLeft = 16 << 20
  }

  /// The limits of the walk, for all clusters together. Each commit may have a tree just below the limits of one.
  private static let limits = TreeLimits(files: 100_000, names: 4_000_000)
  /// The maximum number of earlier versions of one file that are read.
  private static let versionLimit = 9

  init(_ comparison: Comparison, reader: ObjectReader) {
    (self.comparison, self.reader) = (comparison, reader.withCommonLimit())
  }

  /// - Throws: The error that prevented reading the history. Conclusions drawn without it are invalid.
  func check() throws(GitError) {
    if let problem = problem.withLock(\.self) { throw problem }
  }

  /// Returns nil if the cluster had no other app, or none that was found within the limits. Blocks while it reads.
  func app(before cluster: ObjectReference) -> String? {
    guard let (base, commit) = comparison.base, let now = base.snapshot.cluster(cluster),
      let path = now.source?.path
    else { return nil }
    do throws(GitError) {
      return try known.withLock { (known) throws(GitError) in
        var histories: FileHistories
        if let begun = known.histories.take() {
          histories = begun
        } else {
          histories = try reader.histories(from: commit, try base.layout.selection(), limits: Self.limits)
        }
        defer { known.histories = histories }
        for number in 0..<Self.versionLimit {
          guard let version = try reader.version(number, of: path, in: &histories) else { return nil }
          guard case .blob(let blob) = version else { continue }
          let apps = try apps(in: blob, path, of: base, &known)
          if let app = apps[cluster], app != now.spec.app { return app }
        }
        return nil
      }
    } catch {
      problem.withLock { $0 = $0 ?? error }
      return nil
    }
  }

  /// The apps of the clusters in a version of a file; empty for one that is too large.
  private func apps(
    in blob: ObjectID, _ path: String, of base: Revision, _ known: inout Known
  ) throws(GitError) -> [ObjectReference: String] {
    if let apps = known.apps[blob] { return apps }
    let namespace = base.layout.defaultNamespace
    var apps: [ObjectReference: String] = [:]
    do throws(GitError) {
      let limit = min(ManifestLimits.standard.bytes, known.bytesLeft)
      let bytes = try reader.blob(blob, limit: limit)
      known.bytesLeft -= bytes.count
      for document in ManifestFile.parse(path: path, bytes: bytes, defaultNamespace: namespace).documents {
        let cluster = document.reference(defaultNamespace: namespace)
        guard apps[cluster] == nil, let app = document.json["spec"]?["app"]?.string else { continue }
        apps[cluster] = app
      }
    } catch {
      guard error.kind == .tooLarge else { throw error }
    }
    known.apps[blob] = apps
    return apps
  }
}
