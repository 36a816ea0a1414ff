import Diagnostics
import GitStore
import KubeDirector
import StatusWriter

/// Which commit is answerable for which object, and what is to be said of each commit.
///
/// Commits whose objects are all done are let go, so the book stays small however old the repository is.
struct CommitBook {
  private struct Page {
    var subject: String
    var objects: [ObjectReference: ObjectReport] = [:]
  }

  private var pages: [ObjectID: Page] = [:]
  private var owners: [ObjectReference: ObjectID] = [:]
  /// Commits of which something new is to be said.
  private(set) var dirty: Set<ObjectID> = []

  func owner(of object: ObjectReference) -> ObjectID? { owners[object] }

  /// What was last said of an object.
  func report(of object: ObjectReference) -> ObjectReport? { owners[object].flatMap { pages[$0]?.objects[object] } }

  var isEmpty: Bool { pages.isEmpty }

  /// Everything that is said at the moment.
  var reports: [ObjectReport] { pages.values.flatMap(\.objects.values) }

  /// Every object that some commit answers for, with its commit.
  var open: [(ObjectReference, ObjectID)] { owners.map { ($0.key, $0.value) } }

  /// Puts an object down to a commit. An earlier commit that had not finished with it is told so.
  mutating func record(_ report: ObjectReport, of commit: ObjectID, subject: String) {
    let object = report.reference
    if let earlier = owners[object], earlier != commit { supersede(object, of: earlier, by: commit, report) }
    owners[object] = commit
    if pages[commit] == nil { pages[commit] = Page(subject: subject) }
    guard pages[commit]?.objects[object] != report else { return }
    pages[commit]?.objects[object] = report
    dirty.insert(commit)
  }

  /// Says something new of an object that a commit answers for already.
  mutating func update(_ object: ObjectReference, _ change: (ObjectReport) -> ObjectReport) {
    guard let commit = owners[object], let old = pages[commit]?.objects[object] else { return }
    let new = change(old)
    guard new != old else { return }
    pages[commit]?.objects[object] = new
    dirty.insert(commit)
  }

  private mutating func supersede(
    _ object: ObjectReference, of earlier: ObjectID, by later: ObjectID, _ report: ObjectReport
  ) {
    guard var old = pages[earlier]?.objects[object], old.phase != .done, old.phase != .rejected else { return }
    old.message =
      report.change == "rollback" ? "rolled back by \(later.short)" : "superseded by \(later.short)"
    old.phase = .failed
    for role in old.upgrade?.roles.indices ?? 0..<0 { old.upgrade?.roles[role].stalled = false }
    pages[earlier]?.objects[object] = old
    dirty.insert(earlier)
  }

  /// What is to be written now; commits with nothing left to come are forgotten.
  mutating func takeReports() -> [CommitReport] {
    let reports = dirty.sorted().compactMap { commit -> CommitReport? in
      guard let page = pages[commit] else { return nil }
      return CommitReport(
        commit: commit.hex, subject: page.subject,
        objects: page.objects.values.sorted { $0.reference < $1.reference })
    }
    for commit in dirty {
      guard let page = pages[commit] else { continue }
      let isOver = page.objects.allSatisfy { object, report in report.phase == .done || owners[object] != commit }
      guard isOver else { continue }
      pages[commit] = nil
      for object in page.objects.keys where owners[object] == commit { owners[object] = nil }
    }
    dirty = []
    return reports
  }
}
