import DesiredState
import Diagnostics
import FoundationEssentials
import GitStore
import KubeDirector
import Manifests
import Reports
import Rules
import Synchronization
import Values

/// The latest status of running clusters that the daemon wrote to git. Anyone with write access to the ref
/// could have forged it, so the rules limit how far it is trusted.
public struct GitStatus: Sendable {
  /// The commit of the status.
  public let commit: ObjectID
  /// The cluster that the status describes; nil if it does not name one. `age` is the age of the status in
  /// whole seconds.
  public let owner: StatusOwner?
  public let age: Int
  private let tree: ObjectID
  private let repository: GitRepository

  /// The maximum size in bytes of a file of the tree that is read.
  static let fileLimit = 64 << 10
  /// The files of clusters: `NAMESPACE/NAME.yaml`. Other files in the tree are ignored.
  static let selection = (try? PathSelection(patterns: ["*/*.yaml"])) ?? .all

  /// Finds the status without reading its cluster files.
  ///
  /// - Parameters:
  ///   - ref: The ref to look at; nil means the usual refs.
  ///   - now: In seconds since 1970.
  /// - Returns: The status, or nil if there is none; and the errors of refs that should have one.
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

  /// The commit of the status and the cluster that it describes, for a report.
  public var source: Report.Status {
    Report.Status(source: .tree, commit: commit.hex, cluster: owner?.words)
  }

  /// The source of the status and its age as text.
  public var words: [String] { StatusWords.age(of: source, age) }

  private static func owner(of tree: ObjectID, in repository: GitRepository) async -> StatusOwner? {
    let bytes = await repository.run { () -> [UInt8]? in
      // A tree that cannot be read names no cluster here. Other missing parts cause errors where they are
      // read.
      guard let entry = try? repository.reader.entry(at: StatusOwner.path, inTree: tree), entry.isFile
      else { return nil }
      return try? repository.reader.blob(entry.id, limit: StatusOwner.sizeLimit)
    }
    return bytes.flatMap { SettingsFile(path: StatusOwner.path, bytes: $0).json }.flatMap(StatusOwner.init)
  }

  /// The maximum size in bytes of all files that are read together: some 13,000 clusters with a journal. A parsed file
  /// takes up to nine times its size.
  static let totalLimit = 20 << 20
  /// The maximum number of clusters, and of roles and journal runs of all clusters, that are read together: a small
  /// file can have many, and each takes memory.
  static let clusterLimit = 20_000
  static let partLimit = 200_000

  /// Reads the files of all clusters, or of those in a namespace; other files are not read.
  ///
  /// - Throws: `GitError` of kind `.tooLarge` if they have more than `totalLimit`, `clusterLimit` or `partLimit`
  ///   together.
  public func clusters(in namespace: String? = nil) async throws -> [ClusterFile] {
    let folder = namespace.map { Array("\($0)/".utf8) } ?? []
    let entries = try await repository.tree(at: commit, Self.selection).filter {
      $0.isFile && $0.path.utf8.starts(with: folder)
    }
    guard entries.count <= Self.clusterLimit else { throw tooLarge("\(entries.count) files") }
    let parts = Mutex(0)
    let files: [ClusterFile?]
    do {
      files = try await repository.readBlobs(
        entries.map(\.id), limit: Self.fileLimit, total: Self.totalLimit
      ) { index, content -> ClusterFile? in
        guard case .bytes(let bytes) = content, parts.withLock({ $0 <= Self.partLimit }) else { return nil }
        let file = Self.parse(Array(bytes), entries[index].path)
        parts.withLock { $0 += file.map { $0.roles.count + $0.journal.runs.count } ?? 0 }
        return file
      }
    } catch let error as GitError where error.kind == .tooLarge {
      throw tooLarge("\(entries.count) files of more than \(Self.totalLimit >> 20) MiB together")
    }
    guard parts.withLock({ $0 <= Self.partLimit }) else {
      throw tooLarge("more than \(Self.partLimit) roles and runs together")
    }
    return files.compactMap(\.self)
  }

  private func tooLarge(_ size: String) -> GitError {
    GitError(
      .tooLarge, "the status \(commit.short) has \(size), which is more than is read",
      hint: "name one cluster: kdops status NAMESPACE/NAME, or a namespace: kdops status -n NAMESPACE")
  }

  /// Reads the file of one cluster; nil if there is none.
  public func cluster(namespace: String, name: String) async throws -> ClusterFile? {
    guard let path = StatusTree.path(namespace: namespace, name: name),
      let entry = try await repository.entry(at: path, in: commit), entry.isFile,
      try await repository.size(ofBlob: entry.id) <= Self.fileLimit
    else { return nil }
    return Self.parse(try await repository.blob(entry.id, limit: Self.fileLimit), path)
  }

  /// Returns the status files as the judge needs them; each is read on first use.
  func files(_ store: FactStore?) -> StatusFiles {
    StatusFiles(tree: tree, source: .tree(commit: commit.hex, age: age), reader: repository.reader, store)
  }

  /// Returns nil if the file is not the file of a cluster.
  static func parse(_ bytes: [UInt8], _ path: String) -> ClusterFile? {
    guard bytes.count <= fileLimit else { return nil }
    return SettingsFile(path: path, bytes: bytes).json.flatMap { ClusterFile(path: path, $0) }
  }
}
