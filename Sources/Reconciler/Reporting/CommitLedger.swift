import Diagnostics
import GitStore
import KubeDirector
import Reports
import Rules
import Values

/// The commit ledger: which commit is responsible for each object, and the status report of each commit.
///
/// Two commits can be responsible for one object: the one that was applied last, and a later one that waits or was
/// rejected. Commits with nothing left to report are closed, so the ledger stays small however old the repository is.
/// The cost of an event does not depend on the number of objects of its commit.
struct CommitLedger {
  private struct Page {
    var subject: String
    var objects: [ObjectReference: ObjectReport] = [:]
  }

  private var pages: [ObjectID: Page] = [:]
  /// The commit whose change of an object is in progress.
  private var owners: [ObjectReference: ObjectID] = [:]
  /// The commit whose change of an object was judged and not applied.
  private var candidates: [ObjectReference: ObjectID] = [:] {
    didSet { notAppliedVersion += 1 }
  }
  /// The most recently closed commits, kept because one of them may get another report.
  private var closed: [(commit: ObjectID, page: Page)] = []
  private static let closedLimit = 64
  /// Commits with a changed report that is not written yet.
  private(set) var dirty: Set<ObjectID> = []
  /// Objects with a report that is neither done, rejected nor failed, of a change that was not superseded.
  private(set) var unfinished: Set<ObjectReference> = []
  /// Increases whenever `notApplied` may have changed.
  private(set) var notAppliedVersion = 0
  /// Live objects that changed since they were last reported.
  private var dirtyObjects: Set<ObjectReference> = []
  /// The subjects of the commits that were reported last.
  private var subjects = BoundedHistory<ObjectID, String>(limit: 1000)

  /// The commit whose change of an object was applied last; nil once there is nothing left to report.
  func owner(of object: ObjectReference) -> ObjectID? { owners[object] }

  /// The commit whose change of an object was judged and not applied.
  func candidate(of object: ObjectReference) -> ObjectID? { candidates[object] }

  /// The last report of an object; a change that is not applied takes precedence over one that is.
  func report(of object: ObjectReference) -> ObjectReport? {
    (candidates[object] ?? owners[object]).flatMap { pages[$0]?.objects[object] }
  }

  var isEmpty: Bool { pages.isEmpty }

  /// Whether the ledger has an open entry for the commit.
  func has(_ commit: ObjectID) -> Bool { pages[commit] != nil }

  /// The reports of all changes that were not superseded by later ones.
  var current: [ObjectReport] {
    pages.flatMap { commit, page in
      page.objects.filter { owners[$0.key] == commit || candidates[$0.key] == commit }.values
    }
  }

  /// The objects of these changes.
  var objects: Set<ObjectReference> { Set(owners.keys).union(candidates.keys) }

  /// The reports of an object's changes that were not superseded: of the one that was applied, and of the one that was
  /// judged and not applied.
  func current(of object: ObjectReference) -> [ObjectReport] {
    let commits = [owners[object], candidates[object]].compactMap(\.self)
    return commits.uniqued.compactMap { pages[$0]?.objects[object] }
  }

  /// The reports of changes that continue by themselves, unless their cluster is suspended or stalled.
  var underWay: some Sequence<ObjectReport> {
    unfinished.lazy.flatMap { current(of: $0) }.filter(\.isUnderWay)
  }

  /// The reports of changes that were judged and not applied, each with its commit.
  var notApplied: [(commit: ObjectID, report: ObjectReport)] {
    candidates.compactMap { object, commit in
      pages[commit]?.objects[object].map { (commit, $0) }
    }
  }

  /// Attributes an object to a commit and marks earlier changes of the object as superseded. An accepted change
  /// supersedes any earlier one; a blocked change supersedes only an earlier blocked one. A change of labels and
  /// annotations alone is done at once and supersedes no change in progress.
  mutating func record(_ report: ObjectReport, of commit: ObjectID, subject: String) {
    let object = report.reference
    defer { index(object) }
    if report.verdict == .accepted {
      supersede(object, of: candidates.removeValue(forKey: object), by: commit, report)
      if report.change != .metadata {
        supersede(object, of: owners[object], by: commit, report)
        owners[object] = commit
      }
    } else {
      supersede(object, of: candidates[object], by: commit, report)
      candidates[object] = commit
    }
    if pages[commit] == nil { pages[commit] = takeClosed(commit) ?? Page(subject: subject) }
    guard pages[commit]?.objects[object] != report else { return }
    pages[commit]?.objects[object] = report
    dirty.insert(commit)
  }

  /// Updates the report of an object whose change was applied.
  mutating func update(_ object: ObjectReference, _ change: (ObjectReport) -> ObjectReport) {
    owners[object].map { update(object, of: $0, change) }
  }

  /// Withdraws a blocked change that is no longer requested.
  mutating func withdraw(_ object: ObjectReference, by commit: ObjectID) {
    guard let blocked = candidates.removeValue(forKey: object) else { return }
    defer { index(object) }
    update(object, of: blocked) { report in
      guard report.phase == .waiting else { return report }
      var report = report
      report.phase = .failed
      report.failure = .superseded
      report.message = "withdrawn by \(commit.short) before it was applied"
      return report
    }
    // Mark the commit as dirty even if its report is unchanged: it may be finished now.
    if pages[blocked] != nil { dirty.insert(blocked) }
  }

  /// Removes an object from the report of a commit, as if it had never blocked the commit.
  mutating func forget(_ object: ObjectReference, of commit: ObjectID) {
    defer { index(object) }
    if candidates[object] == commit { candidates[object] = nil }
    if pages[commit] == nil { pages[commit] = takeClosed(commit) }
    guard pages[commit]?.objects.removeValue(forKey: object) != nil else { return }
    dirty.insert(commit)
  }

  private mutating func update(
    _ object: ObjectReference, of commit: ObjectID, _ change: (ObjectReport) -> ObjectReport
  ) {
    guard let old = pages[commit]?.objects[object] else { return }
    let new = change(old)
    guard new != old else { return }
    pages[commit]?.objects[object] = new
    dirty.insert(commit)
    index(object)
  }

  private mutating func index(_ object: ObjectReference) {
    if candidates[object] != nil { notAppliedVersion += 1 }
    if isUnfinished(object, of: owners[object]) || isUnfinished(object, of: candidates[object]) {
      unfinished.insert(object)
    } else {
      unfinished.remove(object)
    }
  }

  private func isUnfinished(_ object: ObjectReference, of commit: ObjectID?) -> Bool {
    switch commit.flatMap({ pages[$0]?.objects[object]?.phase }) {
    case .pending, .upgrading, .rollingBack, .waiting: true
    case .done, .rejected, .failed, nil: false
    }
  }

  private mutating func supersede(
    _ object: ObjectReference, of earlier: ObjectID?, by later: ObjectID, _ report: ObjectReport
  ) {
    guard let earlier, earlier != later, pages[earlier] != nil else { return }
    dirty.insert(earlier)
    update(object, of: earlier) {
      $0.superseded(by: later, rolledBack: report.change == .rollback)
    }
  }

  /// Whether the report of a commit contains an object.
  func hasReport(on object: ObjectReference, of commit: ObjectID) -> Bool {
    pages[commit]?.objects[object] != nil
  }

  /// Returns the reports to write now, and closes commits with nothing left to report.
  ///
  /// - Parameter unreported: commits with an object that is not judged yet; without that object they might seem to be
  ///   done.
  mutating func takeReports(except unreported: Set<ObjectID> = []) -> [CommitReport] {
    let due = dirty.subtracting(unreported)
    let reports = due.sorted().compactMap { commit -> CommitReport? in
      guard let page = pages[commit] else { return nil }
      return CommitReport(
        commit: commit.hex, subject: page.subject,
        objects: page.objects.values.sorted { $0.reference < $1.reference })
    }
    for commit in due {
      guard let page = pages[commit], isOver(page, commit) else { continue }
      pages[commit] = nil
      for object in page.objects.keys where owners[object] == commit {
        owners[object] = nil
        index(object)
      }
      close(commit, page)
    }
    dirty.subtract(due)
    return reports
  }

  private mutating func close(_ commit: ObjectID, _ page: Page) {
    closed.append((commit, page))
    if closed.count > Self.closedLimit { closed.removeFirst() }
  }

  private func isOver(_ page: Page, _ commit: ObjectID) -> Bool {
    page.objects.allSatisfy { object, report in
      candidates[object] != commit && (report.phase == .done || owners[object] != commit)
    }
  }

  private mutating func takeClosed(_ commit: ObjectID) -> Page? {
    closed.firstIndex { $0.commit == commit }.map { closed.remove(at: $0).page }
  }
}

// What is still to be reported, and the subjects of commits.
extension CommitLedger {
  /// Marks a live object as changed since it was last reported.
  mutating func markDirty(_ object: ObjectReference) { dirtyObjects.insert(object) }

  mutating func markDirty(_ objects: Set<ObjectReference>) { dirtyObjects.formUnion(objects) }

  var hasDirtyObjects: Bool { !dirtyObjects.isEmpty }

  /// Returns the live objects that changed since they were last reported, in order.
  mutating func takeDirtyObjects() -> [ObjectReference] {
    defer { dirtyObjects = [] }
    return dirtyObjects.sorted()
  }

  /// The subject of a commit, if it was stored.
  func subject(of commit: ObjectID) -> String? { subjects[commit] }

  mutating func store(subject: String, of commit: ObjectID) { subjects[commit] = subject }
}

// Commits that were reported before.
extension CommitLedger {
  /// The present relation of an object to a commit.
  enum Standing: Hashable {
    /// The live object matches this commit; has the kind of change that is recorded on the object.
    case here(change: ChangeKind)
    /// The live object matches a later commit.
    case elsewhere(ObjectID, change: ChangeKind)
    /// The object does not exist, or does not belong to this installation.
    case gone
  }

  /// Reopens a commit that an earlier daemon reported, and completes a report that the earlier daemon could not finish.
  ///
  /// - Parameters:
  ///   - lastReport: the object reports that were last written for the commit.
  ///   - liveObjects: every live object that matches the commit.
  ///   - isNews: true if the written report contained more than `lastReport` and is no longer correct.
  /// - Returns: objects whose change was reported as waiting and must be judged again.
  mutating func reopen(
    _ commit: ObjectID, lastReport: [ObjectReport], liveObjects: Set<ObjectReference>, subject: String,
    isNews: Bool = false, standing: (ObjectReference) -> Standing
  ) -> Set<ObjectReference> {
    guard pages[commit] == nil, !lastReport.isEmpty || !liveObjects.isEmpty || isNews else { return [] }
    var page = takeClosed(commit) ?? Page(subject: subject)
    var waiting: Set<ObjectReference> = []
    if page.objects.isEmpty { for report in lastReport { page.objects[report.reference] = report } }
    for object in liveObjects.union(page.objects.keys) {
      let old = page.objects[object]
      switch standing(object) {
      case .here(let change):
        if old?.verdict != .accepted {
          page.objects[object] = .applied(object, change, old?.upgrade)
        }
        if owners[object] == nil, page.objects[object]?.change != .metadata {
          owners[object] = commit
        }
      case .gone where old?.change == .delete:
        page.objects[object] = .applied(object, .delete, nil)
        page.objects[object]?.phase = .done
      case .elsewhere(let other, let change) where old?.verdict == .accepted:
        page.objects[object] = old?.superseded(by: other, rolledBack: change == .rollback)
      case .elsewhere, .gone:
        guard old?.phase == .waiting, candidates[object] == nil else { continue }
        candidates[object] = commit
        waiting.insert(object)
      }
    }
    let isNews = isNews || Set(page.objects.values) != Set(lastReport)
    guard isNews || !isOver(page, commit) else {
      // Nothing to add; the page stays available for the next report on this commit.
      close(commit, page)
      return []
    }
    pages[commit] = page
    for object in page.objects.keys { index(object) }
    if isNews { dirty.insert(commit) }
    return waiting
  }
}

extension ObjectReport {
  /// Whether the engine continues the change without a person or another commit, unless its cluster is suspended or
  /// stalled.
  var isUnderWay: Bool { [.pending, .upgrading, .rollingBack].contains(phase) }

  /// The first report of a change that was applied.
  ///
  /// Labels and annotations are done at once; the engine still has to carry out a spec.
  static func applied(
    _ object: ObjectReference, _ change: ChangeKind, _ upgrade: UpgradeProgress? = nil
  ) -> ObjectReport {
    ObjectReport(
      kind: object.kind, namespace: object.namespace, name: object.name, change: change,
      verdict: .accepted,
      phase: object.kind == Wire.clusterKind && change != .metadata ? .pending : .done,
      upgrade: upgrade)
  }

  /// The final report after a later commit has superseded the change; unchanged if the change had already ended.
  fileprivate func superseded(by later: ObjectID, rolledBack: Bool) -> ObjectReport {
    guard phase != .done, phase != .rejected, failure != .superseded else { return self }
    var report = self
    report.message = rolledBack ? "rolled back by \(later.short)" : "superseded by \(later.short)"
    report.phase = .failed
    report.failure = .superseded
    for role in report.upgrade?.roles.indices ?? 0..<0 { report.upgrade?.roles[role].stalled = false }
    return report
  }
}
