import Diagnostics
import KubeDirector
import Reports
import Values

/// Decides which changes of a status are worth a notification. Each event of a change is announced once, also after a
/// restart.
struct Announcer: Sendable {
  /// The number of commits whose announced events are remembered.
  private static let commitLimit = 128
  /// The number of ids that are remembered over a restart.
  static let idLimit = 512
  /// How long fetches must fail before that is announced, in seconds.
  static let fetchPatience = 300
  /// The interval in which drift of an object is announced once, in seconds.
  static let driftInterval = 3600

  /// The announced events of each object of a commit. Compared before any text is built, because the report of a commit
  /// is sent again with each change of one of its objects.
  private var announced = BoundedHistory<String, [ObjectReference: Set<NotificationEvent>]>(
    limit: Self.commitLimit)
  /// The ids of the last announcements, the newest last.
  private var ids: [String]
  private var knownIDs: Set<String>
  private var fetchFailure: FetchFailure = .none

  private enum FetchFailure: Sendable, Hashable {
    /// Can transition to: failing.
    case none
    /// Can transition to: none, announced.
    case failing(since: Int)
    /// Can transition to: none.
    case announced
  }

  /// - Parameter ids: the ids that an earlier daemon announced, the newest last.
  init(ids: [String] = []) {
    self.ids = Array(ids.suffix(Self.idLimit))
    knownIDs = Set(self.ids)
  }

  /// The ids to remember over a restart, the newest last.
  var rememberedIDs: [String] { ids }

  /// The new notifications of a commit's report.
  ///
  /// - Parameter now: in whole seconds since 1970.
  mutating func commit(_ report: CommitReport, now: Int) -> [StatusNotification] {
    var events = announced[report.commit] ?? [:]
    var new: [StatusNotification] = []
    for object in report.objects {
      guard let event = Self.event(of: object), events[object.reference]?.contains(event) != true else {
        continue
      }
      events[object.reference, default: []].insert(event)
      let isCommit = object.kind == ObjectReport.commitKind
      new.append(
        StatusNotification(
          event, of: isCommit ? nil : object.reference, key: report.commit, time: now, commit: report.commit,
          subject: report.subject, change: isCommit ? nil : object.change, message: object.message,
          progress: object.upgrade.map { StatusNotification.Progress($0) }))
    }
    guard !new.isEmpty else { return [] }
    announced[report.commit] = events
    return new.filter { remember($0.id) }
  }

  /// The event of an object's state; nil if the state is not worth a notification.
  private static func event(of object: ObjectReport) -> NotificationEvent? {
    switch object.phase {
    case .rejected: return .rejected
    // An app that cannot be removed yet waits until no cluster runs it, which requires no intervention.
    case .waiting: return object.kind == Wire.appKind ? nil : .waiting
    case .failed:
      switch object.failure {
      case .stalled?: return .stalled
      case .superseded?: return nil
      case nil: return .failed
      }
    case .done:
      guard object.kind == Wire.clusterKind, object.verdict == .accepted, object.change != .none else {
        return nil
      }
      return object.change == .rollback ? .rolledBack : .done
    case .pending, .upgrading, .rollingBack: return nil
    }
  }

  /// The notification that an object was restored after an edit outside of git.
  mutating func drift(of object: ObjectReference, path: String, now: Int) -> [StatusNotification] {
    let notification = StatusNotification(
      .drift, of: object, key: "\(now / Self.driftInterval)", time: now, message: "change \(path) instead")
    return remember(notification.id) ? [notification] : []
  }

  /// The notification that a commit of the daemon reverted a stalled upgrade.
  mutating func reverted(_ object: ObjectReference, by commit: String, now: Int) -> [StatusNotification] {
    let notification = StatusNotification(
      .reverted, of: object, key: commit, time: now, commit: commit,
      message: "its upgrade made no progress")
    return remember(notification.id) ? [notification] : []
  }

  /// The notification that fetches have failed for some time.
  ///
  /// - Parameter error: nil if a fetch has succeeded.
  mutating func fetched(_ error: String?, now: Int) -> [StatusNotification] {
    guard let error else {
      fetchFailure = .none
      return []
    }
    switch fetchFailure {
    case .none:
      fetchFailure = .failing(since: now)
      return []
    case .failing(let since):
      guard now - since >= Self.fetchPatience else { return [] }
      fetchFailure = .announced
      let notification = StatusNotification(
        .fetchFailed, of: nil, key: "\(since)", time: now, message: error)
      return remember(notification.id) ? [notification] : []
    case .announced: return []
    }
  }

  /// Remembers an id. Returns false if it was announced before.
  private mutating func remember(_ id: String) -> Bool {
    guard knownIDs.insert(id).inserted else { return false }
    ids.append(id)
    if ids.count > Self.idLimit { knownIDs.remove(ids.removeFirst()) }
    return true
  }
}
