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
  static let fileLimit = 64 << 10
  /// The files of clusters: `NAMESPACE/NAME.yaml`. Whatever else somebody put there is not gone into.
  static let selection = (try? PathSelection(patterns: ["*/*.yaml"])) ?? .all

  /// Finds it; no file of it is read.
  ///
  /// - Parameters:
  ///   - ref: where to look; nil means the usual places.
  ///   - now: in seconds since 1970.
  /// - Returns: nil where there is none; and what is wrong with the refs where one should be.
  public static func find(
    in repository: GitRepository, ref: String? = nil, now: Int64
  ) async throws -> (status: GitStatus?, problems: [GitError]) {
    let (found, problems) = try await StatusPlace.newest(in: repository, ref: ref)
    guard let found else { return (nil, problems) }
    let status = GitStatus(
      commit: found.id, owner: await owner(of: found.tree, in: repository),
      age: Int(max(0, now - found.committer.seconds)), tree: found.tree, repository: repository)
    return (status, problems)
  }

  /// Which one it is and whose.
  public var source: Report.Status {
    Report.Status(source: .tree, commit: commit.hex, cluster: owner?.words)
  }

  /// The same in words, and how old it is.
  public var words: [String] { StatusWords.age(of: source, age) }

  private static func owner(of tree: ObjectID, in repository: GitRepository) async -> StatusOwner? {
    let bytes = await repository.run { () -> [UInt8]? in
      // A tree that cannot be read names nobody; what else it does not hold is noticed by whoever asks for it.
      guard let entry = try? repository.reader.entry(at: StatusOwner.path, inTree: tree), entry.isFile
      else { return nil }
      return try? repository.reader.blob(entry.id, limit: StatusOwner.sizeLimit)
    }
    return bytes.flatMap { SettingsFile(path: StatusOwner.path, bytes: $0).json }.flatMap(StatusOwner.init)
  }

  /// Reads the files of all clusters.
  public func clusters() async throws -> [ClusterFile] {
    let entries = try await repository.tree(at: commit, Self.selection).filter(\.isFile)
    let ids = entries.map(\.id)
    let files = try await repository.readBlobs(ids, limit: Self.fileLimit) { index, content -> ClusterFile? in
      guard case .bytes(let bytes) = content else { return nil }
      return Self.parse(Array(bytes), entries[index].path)
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
