import Crypto
import FoundationEssentials
import GitStore

/// Stores facts about trees in the git folder: one file for each layout that was used, and one for statuses.
///
/// It is only a cache. A file that cannot be read counts as missing, and facts that cannot be written are computed
/// again next time. A file is replaced atomically; if two programs write at once, the later write wins. The file name
/// contains a digest of the program's identity and of the subject, because another version of the program may read
/// the same files differently. No version number has to be raised by hand.
public struct FactStore: Sendable {
  /// The maximum number of files, and the maximum size of a file in bytes.
  static let fileLimit = 4
  static let sizeLimit = 128 << 20
  /// The age in seconds at which the temporary files of a killed process are removed.
  private static let leftoverAge: TimeInterval = 3600

  /// The subject of a file of facts.
  public enum Subject: Sendable {
    /// The files of a tree that a layout selects.
    case tree(RepositoryLayout)
    /// The status tree.
    case statuses
  }

  private let folder: String
  private let program: String
  private let access: SharedAccess

  /// - Parameters:
  ///   - gitFolder: The common git folder of all linked work trees, with a `/` at the end.
  ///   - program: The identity of the program. It separates programs that may read files differently.
  ///   - access: The access that other users get.
  init(gitFolder: String, program: String, access: SharedAccess = SharedAccess(nil)) {
    folder = gitFolder + "kdops/validate/"
    self.program = program
    self.access = access
  }

  /// Creates the store of a repository for the running program.
  public init(_ repository: GitRepository) async throws {
    self.init(
      gitFolder: try await repository.commonFolder(), program: ThisProgram.identity,
      access: SharedAccess(try await repository.setting("core.sharedRepository")))
  }

  /// Returns the stored facts, or nil if there are none that can be used.
  public func table(of subject: Subject) -> FactTable? {
    guard let file = FactFile(path: path(of: subject)), file.size <= Self.sizeLimit else { return nil }
    do throws(FactTable.Damage) { return try FactTable(file) } catch { return nil }
  }

  /// Stores facts in place of the previous ones.
  public func keep(_ facts: [UInt8], of subject: Subject) {
    guard facts.count <= Self.sizeLimit else { return }
    let manager = FileManager.default
    try? manager.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try? Data(facts).write(to: URL(filePath: path(of: subject)), options: .atomic)
    for path in [String(folder.dropLast("validate/".count)), folder, path(of: subject)] { access.grant(path) }
    tidy()
  }

  /// Deletes the stored facts.
  public func forget(_ subject: Subject) { try? FileManager.default.removeItem(atPath: path(of: subject)) }

  private func path(of subject: Subject) -> String {
    let what: [String] =
      switch subject {
      case .tree(let layout):
        [program, "tree", layout.defaultNamespace, "\(layout.apps.count)"] + layout.apps + layout.clusters
      case .statuses: [program, "statuses"]
      }
    let digest = SHA256.hash(data: Data(what.map { "\($0.utf8.count) \($0)" }.joined().utf8))
    return folder + digest.prefix(10).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
      + Self.suffix
  }

  private static let suffix = ".facts"

  /// Removes the oldest files beyond the limit, and old temporary files.
  private func tidy() {
    let manager = FileManager.default
    let files = ((try? manager.contentsOfDirectory(atPath: folder)) ?? []).compactMap { name in
      (try? manager.attributesOfItem(atPath: folder + name)[.modificationDate] as? Date).map { (name, $0) }
    }
    let kept = files.filter { $0.0.hasSuffix(Self.suffix) }.sorted { $0.1 > $1.1 }
    let leftovers = files.filter {
      !$0.0.hasSuffix(Self.suffix) && $0.1.timeIntervalSinceNow < -Self.leftoverAge
    }
    for (name, _) in kept.dropFirst(Self.fileLimit) + leftovers {
      try? manager.removeItem(atPath: folder + name)
    }
  }
}
