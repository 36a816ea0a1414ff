import DesiredState
import Diagnostics
import GitStore
import KubeDirector
import Reports
import Rules
import Synchronization
import Values

/// The files of the status tree. Each is read once, when its cluster is requested.
final class StatusFiles: LiveArchive {
  private let tree: ObjectID
  private let source: LiveView.Source
  private let reader: ObjectReader
  private let known = Mutex<[ObjectReference: LiveCluster?]>([:])
  private let store: FactStore?
  private let uses = Mutex<StatusUses?>(nil)
  private let problem = Mutex<GitError?>(nil)
  private let places: Mutex<TreePlaces>

  /// - Parameter store: The store of the facts about which apps running clusters need. With nil, all files
  ///   are read.
  init(tree: ObjectID, source: LiveView.Source, reader: ObjectReader, _ store: FactStore?) {
    (self.tree, self.source, self.reader, self.store) = (tree, source, reader.withCommonLimit(), store)
    places = Mutex(TreePlaces(tree, GitStatus.selection))
  }

  /// The cluster whose file is at a path of the tree; nil if the path is not a cluster's.
  static func cluster(of path: String) -> ObjectReference? {
    let names = path.split(separator: "/", omittingEmptySubsequences: false)
    guard names.count == 2, names[1].hasSuffix(".yaml") else { return nil }
    let (namespace, name) = (String(names[0]), String(names[1].dropLast(".yaml".count)))
    return StatusTree.path(namespace: namespace, name: name) == path ? .cluster(namespace, name) : nil
  }

  var view: LiveView { LiveView(source: source, archive: self) }

  /// The status tree cannot be read.
  struct Unreadable: Error {
    var error: GitError
  }

  /// - Throws: The error that prevented reading a file. Conclusions drawn without the file are invalid.
  func check() throws(Unreadable) {
    guard let problem = problem.withLock(\.self) else { return }
    guard case .tree(let commit, _) = source else { throw Unreadable(error: problem) }
    throw Unreadable(
      error: GitError(
        problem.kind, "the status \(commit.prefix(7)) cannot be read: \(problem.message)", hint: problem.hint)
    )
  }

  func cluster(_ reference: ObjectReference) -> LiveCluster? {
    if let cluster = known.withLock({ $0[reference] }) { return cluster }
    let cluster = read { () throws(GitError) -> LiveCluster? in
      guard let path = StatusTree.path(namespace: reference.namespace, name: reference.name),
        let entry = try places.withLock({ (places) throws(GitError) in
          try places.entry(at: ExactString(path), reader)
        }), entry.isFile,
        try reader.size(ofBlob: entry.id) <= GitStatus.fileLimit
      else { return nil }
      return GitStatus.parse(try reader.blob(entry.id, limit: GitStatus.fileLimit), path).map {
        LiveCluster(status: $0.status)
      }
    }
    known.withLock { $0[reference] = .some(cluster) }
    return cluster
  }

  func clusters(running use: AppUse) -> [ObjectReference] {
    let found = read { () throws(GitError) -> Set<ObjectReference>? in
      let kept = try uses(by: store)
      if let found = try? kept.clusters(use) { return found }
      // The stored facts are damaged or cannot answer. Read all files instead.
      store?.forget(.statuses)
      uses.withLock { $0 = nil }
      let whole = try uses(by: nil)
      return try? whole.clusters(use)
    }
    return Array(found ?? [])
  }

  private func uses(by store: FactStore?) throws(GitError) -> StatusUses {
    if let known = uses.withLock(\.self) { return known }
    let found = try StatusUses.find(in: tree, reader, store)
    uses.withLock { $0 = found }
    return found
  }

  private func read<Value>(_ body: () throws(GitError) -> Value?) -> Value? {
    do throws(GitError) { return try body() } catch {
      problem.withLock { $0 = $0 ?? error }
      return nil
    }
  }
}
