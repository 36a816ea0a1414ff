import Diagnostics
import FoundationEssentials
import GitStore
import KubeDirector
import Manifests
import Rules
import StatusWriter
import Values

/// What the daemon last wrote to git about running clusters. Anybody who may write the ref could have forged it,
/// so it is believed only as far as the rules say.
public struct GitStatus: Sendable {
  /// The commit of the status, and its age in whole seconds.
  public let commit: ObjectID
  /// The cluster that it speaks of; nil where it does not say.
  public let owner: StatusOwner?
  public let age: Int
  private let tree: ObjectID
  private let repository: GitRepository

  /// The largest file of the tree that is read, in bytes.
  private static let fileLimit = 64 << 10

  /// Finds it; no file of it is read.
  ///
  /// - Parameters:
  ///   - ref: where to look; nil means the usual places.
  ///   - now: in seconds since 1970.
  /// - Returns: nil where there is none.
  public static func find(in repository: GitRepository, ref: String? = nil, now: Int64) async throws
    -> GitStatus?
  {
    guard let found = try await StatusPlace.newest(in: repository, ref: ref) else { return nil }
    return GitStatus(
      commit: found.id, owner: try await owner(of: found.tree, in: repository),
      age: Int(max(0, now - found.committer.seconds)), tree: found.tree,
      repository: repository)
  }

  /// Which one it is and whose.
  public var source: Report.Status {
    Report.Status(source: .tree, commit: commit.hex, cluster: owner?.words)
  }

  /// The same in words, and how old it is.
  public var words: [String] { StatusWords.age(of: source, age) }

  private static func owner(of tree: ObjectID, in repository: GitRepository) async throws -> StatusOwner? {
    let entry = try await repository.run {
      try repository.reader.entry(at: StatusOwner.path, inTree: tree)
    }
    guard let entry, entry.isFile else { return nil }
    let read = try await repository.readBlobs([entry.id]) { _, bytes in
      bytes.count > StatusOwner.sizeLimit
        ? nil : SettingsFile(path: StatusOwner.path, bytes: Array(bytes)).json
    }
    return read.first?.flatMap(StatusOwner.init)
  }

  /// Reads the files of all clusters.
  public func clusters() async throws -> [ClusterFile] {
    let entries = try await repository.tree(at: commit).filter { $0.isFile && $0.path.hasSuffix(".yaml") }
    let files = try await repository.readBlobs(entries.map(\.id)) { index, bytes in
      bytes.count <= Self.fileLimit ? Self.parse(Array(bytes), entries[index].path) : nil
    }
    return files.compactMap(\.self)
  }

  /// The same for the judge, who asks for few of them.
  func files(_ store: FactStore?) -> StatusFiles {
    StatusFiles(tree: tree, source: .tree(commit: commit.hex, age: age), reader: repository.reader, store)
  }

  /// Nil for what is no file of a cluster.
  static func parse(_ bytes: [UInt8], _ path: String) -> ClusterFile? {
    guard bytes.count <= fileLimit else { return nil }
    return SettingsFile(path: path, bytes: bytes).json.flatMap { ClusterFile(path: path, $0) }
  }
}
