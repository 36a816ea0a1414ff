import DesiredState
import Diagnostics
import GitStore
import KubeDirector
import Manifests
import Rules
import Synchronization

/// Finds the previous app of a cluster in the history of its file: the one before the app at the base.
///
/// The judge asks only for clusters that change their app and have no status. All of them share one walk through the
/// history and its limits, and each version of a file is parsed once, regardless of the number of clusters in it.
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
    /// The clusters whose earlier app was not found before a limit was exceeded.
    var unknown: Set<ObjectReference> = []
  }

  /// The limits of the search through history, for all clusters together. They are higher than those of one tree,
  /// because each commit may have a tree that almost reaches those.
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

  /// The findings about clusters whose earlier app is unknown because a limit ended the search.
  ///
  /// - Parameter judgement: Clusters without findings in it are left out: an earlier app would change nothing for them.
  func findings(after judgement: Judgement) -> [Diagnostic] {
    let unknown = known.withLock { $0.unknown }
    guard !unknown.isEmpty else { return [] }
    let objected = Set(judgement.findings.filter { $0.severity != .warning }.compactMap(\.object))
    return unknown.intersection(objected).sorted().map { cluster in
      let path = comparison.head.snapshot.cluster(cluster)?.source?.path
      return Diagnostic(
        rule: FileRule.limit, severity: .warning, location: path.map { SourceLocation(file: $0) },
        object: cluster,
        message:
          "the app that \(cluster) had before is unknown, because the history of its file has more than is "
          + "read; a rollback to that app is judged as an upgrade",
        hint:
          "use the status of the running clusters, which names that app: git fetch origin refs/kdops/status:refs/"
          + "kdops/status")
    }
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
          guard let version = try reader.version(number, of: path, in: &histories) else {
            if histories.isCut { known.unknown.insert(cluster) }
            return nil
          }
          guard case .blob(let blob) = version else { continue }
          guard let apps = try apps(in: blob, path, of: base, &known) else {
            known.unknown.insert(cluster)
            return nil
          }
          if let app = apps[cluster], app != now.spec.app { return app }
        }
        return nil
      }
    } catch {
      problem.withLock { $0 = $0 ?? error }
      return nil
    }
  }

  /// The apps of the clusters in a version of a file; empty for one that is too large, nil if all versions together
  /// have more bytes than are parsed.
  private func apps(
    in blob: ObjectID, _ path: String, of base: Revision, _ known: inout Known
  ) throws(GitError) -> [ObjectReference: String]? {
    if let apps = known.apps[blob] { return apps }
    guard known.bytesLeft > 0 else { return nil }
    let namespace = base.layout.defaultNamespace
    var apps: [ObjectReference: String] = [:]
    do throws(GitError) {
      let bytes = try reader.blob(blob, limit: ManifestLimits.standard.bytes)
      guard bytes.count <= known.bytesLeft else {
        known.bytesLeft = 0
        return nil
      }
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
