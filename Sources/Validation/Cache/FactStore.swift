import Crypto
import FoundationEssentials
import GitStore
import Layout

/// Where facts about trees are kept: in the git folder, a file for each layout that was met and one for statuses.
///
/// Nothing depends on it. What cannot be read is not there, and what cannot be written is made again next time. A file
/// is put in place whole; of two programs that write at once the later one's stays. Its name says which program wrote it
/// about what, for another program may read the same files otherwise, and nobody has to remember to raise a number.
struct FactStore: Sendable {
  /// How many files are kept, and how large one may be, in bytes.
  static let fileLimit = 4
  static let sizeLimit = 128 << 20
  /// After how many seconds what a program left behind that was killed is removed.
  private static let leftoverAge: TimeInterval = 3600

  /// What facts are about.
  enum Subject: Sendable {
    /// The files of a tree that a layout selects.
    case tree(RepositoryLayout)
    /// The status tree.
    case statuses
  }

  private let folder: String
  private let program: String
  private let access: SharedAccess

  /// - Parameters:
  ///   - gitFolder: The folder that linked work trees share, with a `/` at the end.
  ///   - program: Tells programs apart that may read files otherwise.
  ///   - access: Who else may use them.
  init(gitFolder: String, program: String, access: SharedAccess = SharedAccess(nil)) {
    folder = gitFolder + "kdops/validate/"
    self.program = program
    self.access = access
  }

  /// The store of a repository, for the program that runs.
  init(_ repository: GitRepository) async throws {
    self.init(
      gitFolder: try await repository.commonFolder(), program: ThisProgram.identity,
      access: SharedAccess(try await repository.setting("core.sharedRepository")))
  }

  /// What was kept; nil where there is nothing that can be used.
  func table(of subject: Subject) -> FactTable? {
    guard let file = FactFile(path: path(of: subject)), file.size <= Self.sizeLimit else { return nil }
    do throws(FactTable.Damage) { return try FactTable(file) } catch { return nil }
  }

  /// Keeps facts, instead of what was kept before.
  func keep(_ facts: [UInt8], of subject: Subject) {
    guard facts.count <= Self.sizeLimit else { return }
    let manager = FileManager.default
    try? manager.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try? Data(facts).write(to: URL(filePath: path(of: subject)), options: .atomic)
    for path in [String(folder.dropLast("validate/".count)), folder, path(of: subject)] { access.grant(path) }
    tidy()
  }

  /// Forgets what was kept.
  func forget(_ subject: Subject) { try? FileManager.default.removeItem(atPath: path(of: subject)) }

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

  /// Removes the oldest files beyond the limit, and leftovers.
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
