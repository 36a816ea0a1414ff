import Diagnostics
import GitStore
import KubeDirector
import Rules
import StatusWriter
import Synchronization

/// The files of the status tree, each read when somebody asks for its cluster, and once.
final class StatusFiles: LiveArchive {
  private let tree: ObjectID
  private let source: LiveView.Source
  private let reader: ObjectReader
  private let known = Mutex<[ObjectReference: LiveCluster?]>([:])
  private let whole = Mutex<LiveView?>(nil)
  private let problem = Mutex<GitError?>(nil)

  init(tree: ObjectID, source: LiveView.Source, reader: ObjectReader) {
    (self.tree, self.source, self.reader) = (tree, source, reader)
  }

  var view: LiveView { LiveView(source: source, archive: self) }

  /// - Throws: what kept a file from being read: whatever was concluded without it does not hold.
  func check() throws(GitError) {
    if let problem = problem.withLock(\.self) { throw problem }
  }

  func cluster(_ reference: ObjectReference) -> LiveCluster? {
    if let cluster = known.withLock({ $0[reference] }) { return cluster }
    let cluster = read { () throws(GitError) -> LiveCluster? in
      guard let path = StatusTree.path(namespace: reference.namespace, name: reference.name),
        let entry = try reader.entry(at: path, inTree: tree), entry.isFile
      else { return nil }
      return GitStatus.parse(try reader.blob(entry.id), path).map { LiveCluster(status: $0.status) }
    }
    known.withLock { $0[reference] = .some(cluster) }
    return cluster
  }

  var everything: LiveView {
    if let whole = whole.withLock(\.self) { return whole }
    var view = LiveView(source: source)
    let paths = read { () throws(GitError) -> [String] in
      try reader.entries(inTree: tree).filter { $0.isFile && $0.path.hasSuffix(".yaml") }.map(\.path)
    }
    for path in paths ?? [] {
      let names = path.dropLast(".yaml".count).split(separator: "/", omittingEmptySubsequences: false)
      guard names.count == 2 else { continue }
      let reference = ObjectReference.cluster(String(names[0]), String(names[1]))
      if let cluster = cluster(reference) { view.hold(reference, status: cluster.status) }
    }
    whole.withLock { $0 = view }
    return view
  }

  private func read<Value>(_ body: () throws(GitError) -> Value?) -> Value? {
    do throws(GitError) { return try body() } catch {
      problem.withLock { $0 = $0 ?? error }
      return nil
    }
  }
}
