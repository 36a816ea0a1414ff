import DesiredState
import Diagnostics
import GitStore

/// The files of clusters in a clone of the repository that the daemon reads.
struct ClusterFiles {
  private let repository: GitRepository

  init(_ repository: GitRepository) { self.repository = repository }

  /// Nil if there is no repository.
  static func open(_ path: String, _ environment: [String: String]) async -> ClusterFiles? {
    (try? await GitRepository.openFromEnvironment(path: path, environment)).map(ClusterFiles.init)
  }

  /// The checked-out commit.
  func head() async -> String? { (try? await repository.head())?.hex }

  /// Whether the files of a commit have an object; nil if the clone lacks the commit, or not all files can be read.
  func has(_ object: ObjectReference, at commit: String) async -> Bool? {
    guard let id = ObjectID(hex: commit),
      let side = try? await Comparison.side(of: .commit(id), in: repository),
      side.isUsable, side.unreadFiles.isEmpty
    else { return nil }
    return side.snapshot.references.contains(object)
  }

  /// The message for an object that the files of a commit lack.
  func missing(_ object: ObjectReference, at commit: String) -> String {
    "\(object) does not exist, and commit \(commit.prefix(7)) has no file of it: check the name (kdops status lists all "
      + "clusters), or push the commit that adds it and wait again"
  }
}
