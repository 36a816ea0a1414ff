import Diagnostics
import GitStore
import KubeDirector
import Rules
import StatusWriter

/// Which commit is answerable for which object, and what is to be said of each commit.
///
/// Two commits can answer for one object: the one that was applied last, and a later one that waits or was rejected.
/// Commits with which everything has ended are let go, so the book stays small however old the repository is.
struct CommitBook {
  private struct Page {
    var subject: String
    var objects: [ObjectReference: ObjectReport] = [:]
  }

  private var pages: [ObjectID: Page] = [:]
  /// Whose change of an object is being realised.
  private var owners: [ObjectReference: ObjectID] = [:]
  /// Whose change of an object was judged, and not applied.
  private var candidates: [ObjectReference: ObjectID] = [:]
  /// Commits that were let go last: one of them may be spoken of again.
  private var closed: [(commit: ObjectID, page: Page)] = []
  private static let closedLimit = 64
  /// Commits of which something new is to be said.
  private(set) var dirty: Set<ObjectID> = []

  /// The commit whose change of an object was applied last, while there is something left to say of it.
  func owner(of object: ObjectReference) -> ObjectID? { owners[object] }

  /// The commit whose change of an object was judged, and not applied.
  func candidate(of object: ObjectReference) -> ObjectID? { candidates[object] }

  /// What was last said of an object; a change that is not applied comes before one that is.
  func report(of object: ObjectReference) -> ObjectReport? {
    (candidates[object] ?? owners[object]).flatMap { pages[$0]?.objects[object] }
  }

  var isEmpty: Bool { pages.isEmpty }

  /// Whether the commit is being spoken of.
  func has(_ commit: ObjectID) -> Bool { pages[commit] != nil }

  /// What is said of changes that were not overtaken by later ones.
  var current: [ObjectReport] {
    pages.flatMap { commit, page in
      page.objects.filter { owners[$0.key] == commit || candidates[$0.key] == commit }.values
    }
  }

  /// What is said of changes that were judged, and not applied, each with its commit.
  var notApplied: [(commit: ObjectID, report: ObjectReport)] {
    candidates.compactMap { object, commit in
      pages[commit]?.objects[object].map { (commit, $0) }
    }
  }

  /// Puts an object down to a commit. An earlier commit whose change of it thereby ends is told so: by an accepted
  /// change any, by one that is held only another that was held; by labels and annotations, which are done at once,
  /// nothing that goes on.
  mutating func record(_ report: ObjectReport, of commit: ObjectID, subject: String) {
    let object = report.reference
    if report.verdict == Verdict.accepted.rawValue {
      supersede(object, of: candidates.removeValue(forKey: object), by: commit, report)
      if report.change != ChangeKind.metadata.rawValue {
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

  /// Says something new of an object whose change was applied.
  mutating func update(_ object: ObjectReference, _ change: (ObjectReport) -> ObjectReport) {
    owners[object].map { update(object, of: $0, change) }
  }

  /// A change that was held is wanted no longer.
  mutating func withdraw(_ object: ObjectReference, by commit: ObjectID) {
    guard let held = candidates.removeValue(forKey: object) else { return }
    update(object, of: held) { report in
      guard report.phase == .waiting else { return report }
      var report = report
      report.phase = .failed
      report.message = "withdrawn by \(commit.short) before it was applied"
      return report
    }
    // Also where there is nothing new to say: the commit may be over by this.
    if pages[held] != nil { dirty.insert(held) }
  }

  /// Says nothing of an object any more, as if it had never stood against its commit.
  mutating func forget(_ object: ObjectReference, of commit: ObjectID) {
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
  }

  private mutating func supersede(
    _ object: ObjectReference, of earlier: ObjectID?, by later: ObjectID, _ report: ObjectReport
  ) {
    guard let earlier, earlier != later, pages[earlier] != nil else { return }
    dirty.insert(earlier)
    update(object, of: earlier) {
      $0.superseded(by: later, rolledBack: report.change == ChangeKind.rollback.rawValue)
    }
  }

  /// Whether anything is said of an object under a commit.
  func says(_ object: ObjectReference, of commit: ObjectID) -> Bool { pages[commit]?.objects[object] != nil }

  /// What is to be written now; commits with nothing left to come are let go.
  ///
  /// - Parameter unheard: commits of which an object has still to be judged: without it they may seem to be done.
  mutating func takeReports(except unheard: Set<ObjectID> = []) -> [CommitReport] {
    let due = dirty.subtracting(unheard)
    let reports = due.sorted().compactMap { commit -> CommitReport? in
      guard let page = pages[commit] else { return nil }
      return CommitReport(
        commit: commit.hex, subject: page.subject,
        objects: page.objects.values.sorted { $0.reference < $1.reference })
    }
    for commit in due {
      guard let page = pages[commit], isOver(page, commit) else { continue }
      pages[commit] = nil
      for object in page.objects.keys where owners[object] == commit { owners[object] = nil }
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

// Commits that were spoken of before.
extension CommitBook {
  /// How an object of a commit stands now.
  enum Standing: Hashable {
    /// It lives as the commit has it; with the change that was noted on it.
    case here(change: String)
    /// It lives as a later commit has it.
    case elsewhere(ObjectID, change: String)
    /// It does not live, or is none of ours.
    case gone
  }

  /// Speaks on of a commit where an earlier daemon stopped, and mends what that one could no longer write.
  ///
  /// - Parameters:
  ///   - said: what was last written of the commit.
  ///   - living: every object that lives as the commit has it.
  ///   - isNews: more was written than `said`, and no longer holds.
  /// - Returns: objects whose change waits by what was said, and has to be judged again.
  mutating func reopen(
    _ commit: ObjectID, said: [ObjectReport], living: Set<ObjectReference>, subject: String,
    isNews: Bool = false, standing: (ObjectReference) -> Standing
  ) -> Set<ObjectReference> {
    guard pages[commit] == nil, !said.isEmpty || !living.isEmpty || isNews else { return [] }
    var page = takeClosed(commit) ?? Page(subject: subject)
    var waiting: Set<ObjectReference> = []
    if page.objects.isEmpty { for report in said { page.objects[report.reference] = report } }
    for object in living.union(page.objects.keys) {
      let old = page.objects[object]
      switch standing(object) {
      case .here(let change):
        if old?.verdict != Verdict.accepted.rawValue {
          page.objects[object] = .applied(object, change, old?.upgrade)
        }
        if owners[object] == nil, page.objects[object]?.change != ChangeKind.metadata.rawValue {
          owners[object] = commit
        }
      case .gone where old?.change == ChangeKind.delete.rawValue:
        page.objects[object] = .applied(object, ChangeKind.delete.rawValue, nil)
        page.objects[object]?.phase = .done
      case .elsewhere(let other, let change) where old?.verdict == Verdict.accepted.rawValue:
        page.objects[object] = old?.superseded(by: other, rolledBack: change == ChangeKind.rollback.rawValue)
      case .elsewhere, .gone:
        guard old?.phase == .waiting, candidates[object] == nil else { continue }
        candidates[object] = commit
        waiting.insert(object)
      }
    }
    let isNews = isNews || Set(page.objects.values) != Set(said)
    guard isNews || !isOver(page, commit) else {
      // Nothing to add; kept at hand for whoever speaks of the commit next.
      close(commit, page)
      return []
    }
    pages[commit] = page
    if isNews { dirty.insert(commit) }
    return waiting
  }
}

extension ObjectReport {
  /// A change that was applied, as it begins.
  ///
  /// Labels and annotations are done at once; a spec is the engine's to carry out.
  static func applied(
    _ object: ObjectReference, _ change: String, _ upgrade: UpgradeProgress? = nil
  ) -> ObjectReport {
    ObjectReport(
      kind: object.kind, namespace: object.namespace, name: object.name, change: change,
      verdict: Verdict.accepted.rawValue,
      phase: object.kind == Wire.clusterKind && change != ChangeKind.metadata.rawValue ? .pending : .done,
      upgrade: upgrade)
  }

  /// What is left to say once a later commit has taken the object over; nothing new of what had ended before.
  fileprivate func superseded(by later: ObjectID, rolledBack: Bool) -> ObjectReport {
    guard phase != .done, phase != .rejected, !(phase == .failed && isSuperseded) else { return self }
    var report = self
    report.message = rolledBack ? "rolled back by \(later.short)" : "superseded by \(later.short)"
    report.phase = .failed
    report.isStalled = false
    for role in report.upgrade?.roles.indices ?? 0..<0 { report.upgrade?.roles[role].stalled = false }
    return report
  }

  private var isSuperseded: Bool {
    message.map {
      $0.hasPrefix("rolled back by ") || $0.hasPrefix("superseded by ") || $0.hasPrefix("withdrawn by ")
    }
      ?? false
  }
}
