import Diagnostics
import GitStore
import KubeDirector
import Rules
import Values

/// The objects and files that are judged in the next pass, with the commits that changed them.
struct PendingObjects {
  /// The objects and files that one pass judges.
  struct Batch {
    var changes: Changes
    /// The commits as they were before the judgement, in case it fails.
    fileprivate var commits: [ObjectReference: ObjectID]
  }

  /// The objects and files to judge.
  private(set) var changes = Changes()
  /// The number of objects judged so far.
  private(set) var judgedCount = 0
  /// The commit that changed each object.
  private var commits: [ObjectReference: ObjectID] = [:]
  /// The objects that changed since the judgement in progress began, with the apps that they referred to before; nil if
  /// no judgement is in progress.
  private var changedMeanwhile: [ObjectReference: Set<String>]?
  /// Objects that the cluster refuses until an administrator grants a permission or creates a missing namespace.
  private var forbidden: Set<ObjectReference> = []
  /// Clusters that cannot be adopted as long as another operator's objects are there.
  private var unadoptable: Set<ObjectReference> = []
  /// Files that cannot be read, with the commits that changed them.
  private var broken: [ExactString: ObjectID] = [:]

  var isEmpty: Bool { changes.objects.isEmpty && changes.files.isEmpty }
  var isJudging: Bool { changedMeanwhile != nil }
  /// Whether the cluster refuses a change until an administrator acts.
  var awaitsPermission: Bool { !forbidden.isEmpty }

  /// Whether a cluster cannot be adopted yet.
  var awaitsAdoption: Bool { !unadoptable.isEmpty }

  func contains(_ object: ObjectReference) -> Bool { changes.objects.contains(object) }
  func contains(file path: String) -> Bool { changes.files.contains(ExactString(path)) }

  // MARK: Enqueuing

  mutating func insert(_ object: ObjectReference) { changes.objects.insert(object) }

  mutating func insert(_ objects: Set<ObjectReference>) { changes.objects.formUnion(objects) }

  /// Enqueues a change of a commit again.
  mutating func insert(_ object: ObjectReference, of commit: ObjectID) {
    commits[object] = commit
    changes.objects.insert(object)
  }

  /// Enqueues the changes of a new head.
  ///
  /// - Parameter origins: the commit of each object; an object without one is attributed when it is judged.
  mutating func insert(_ new: Changes, origins: [ObjectReference: ObjectID]) {
    for object in new.objects { commits[object] = origins[object] }
    changes.formUnion(new)
  }

  /// Sets aside a change that the cluster refuses. `releaseForbidden` enqueues it again.
  mutating func forbid(_ object: ObjectReference, of commit: ObjectID) {
    commits[object] = commit
    forbidden.insert(object)
  }

  /// Enqueues the changes that the cluster refused.
  mutating func releaseForbidden() { changes.objects.formUnion(forbidden) }

  /// Sets aside an adoption that another operator's objects prevent. `releaseAdoptions` enqueues it again.
  mutating func deferAdoption(of cluster: ObjectReference) { unadoptable.insert(cluster) }

  mutating func releaseAdoptions() { changes.objects.formUnion(unadoptable) }

  // MARK: Commits

  /// Removes and returns the commit that changed an object; nil if it is unknown.
  mutating func takeCommit(of object: ObjectReference) -> ObjectID? { commits.removeValue(forKey: object) }

  /// The commits with an object that is not judged yet, and that `ledger` has no report of.
  func unreported(in ledger: CommitLedger) -> Set<ObjectID> {
    Set(
      changes.objects.compactMap { object in
        commits[object].flatMap { ledger.hasReport(on: object, of: $0) ? nil : $0 }
      })
  }

  // MARK: Files

  /// Records whether a file can be read.
  ///
  /// - Parameter commit: the commit that broke the file; nil if it can be read.
  /// - Returns: the commit that broke it before, if that has changed.
  mutating func setFile(_ path: ExactString, brokenBy commit: ObjectID?) -> ObjectID? {
    let earlier = broken[path]
    broken[path] = commit
    return earlier == commit ? nil : earlier
  }

  /// The files that cannot be read, with the commits that changed them.
  var brokenFiles: [(path: String, commit: ObjectID)] {
    broken.map { (path: $0.key.wrappedValue, commit: $0.value) }
  }

  // MARK: Judging

  /// Begins a judgement and returns the objects and files to judge; nil if nothing is pending.
  ///
  /// - Parameters:
  ///   - drifted: objects that were edited; they stay pending, because an edited object is no baseline.
  ///   - blocked: the blocked changes if all changes of a commit are judged together.
  mutating func begin(except drifted: Set<ObjectReference>, together blocked: BlockedChanges?) -> Batch? {
    guard !isEmpty else { return nil }
    var batch = Batch(changes: changes, commits: commits)
    batch.changes.objects.subtract(drifted)
    if let blocked {
      batch.changes.objects.formUnion(companions(of: batch.changes.objects, blocked).subtracting(drifted))
    }
    changes = Changes(objects: changes.objects.intersection(drifted))
    forbidden.subtract(batch.changes.objects)
    unadoptable.subtract(batch.changes.objects)
    return batch
  }

  /// The blocked changes of the commits of these objects.
  private func companions(
    of objects: Set<ObjectReference>, _ blocked: BlockedChanges
  ) -> Set<ObjectReference> {
    var found: Set<ObjectID> = []
    for object in objects {
      if let commit = commits[object] { found.insert(commit) }
      if let commit = blocked[object]?.commit { found.insert(commit) }
    }
    return blocked.objects(of: found)
  }

  /// Starts to collect the objects that change before `end`, because their verdicts rely on the live state as of now.
  mutating func beginVerdicts() { changedMeanwhile = [:] }

  /// Records that an object changed, in case its verdict is being made.
  ///
  /// - Parameter before: the apps that the object referred to before the change.
  mutating func noteChange(of object: ObjectReference, before: Set<String>) {
    changedMeanwhile?[object, default: []].formUnion(before)
  }

  mutating func countJudged(_ count: Int) { judgedCount += count }

  /// Ends a judgement.
  ///
  /// - Returns: the objects that changed meanwhile, with the apps that they referred to before.
  mutating func end() -> [ObjectReference: Set<String>] {
    defer { changedMeanwhile = nil }
    return changedMeanwhile ?? [:]
  }

  /// Enqueues all objects and files of a judgement that failed.
  mutating func fail(_ batch: Batch) {
    changedMeanwhile = nil
    changes.formUnion(batch.changes)
    commits.merge(batch.commits) { now, _ in now }
  }
}
