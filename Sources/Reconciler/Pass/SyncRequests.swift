import GitStore
import Reports

/// The requests to fetch, from their arrival to their answer.
///
/// A request is answered when a fetch that began after it has succeeded, and a reconcile pass that began after that fetch
/// has applied the result.
struct SyncRequests {
  private enum Stage {
    /// Can transition to: fetching.
    case requested
    /// Can transition to: fetched, or requested if the fetch fails.
    case fetching
    /// Can transition to: applying.
    case fetched
    /// Can transition to: answered, or fetched if the pass fails.
    case applying
  }

  private struct Request {
    let id: SyncID
    var stage: Stage
  }

  /// The requests that a pass has answered, and the commit that it has reconciled.
  struct Answer: Hashable {
    /// The commit that is reconciled; nil if none is.
    var head: ObjectID?
    var requests: [SyncID]
  }

  /// The maximum numbers of unanswered and of answered requests that are remembered. A client whose request was forgotten
  /// sends it again.
  static let limit = 64

  private var unanswered: [Request] = []
  private var answered: [SyncID] = []
  private var reported: ObjectID?

  /// The progress of a request; nil if it is unknown.
  func progress(of id: SyncID) -> SyncProgress? {
    if let request = unanswered.last(where: { $0.id == id }) {
      switch request.stage {
      case .requested: return .requested
      case .fetching: return .fetching
      case .fetched, .applying: return .applying
      }
    }
    return answered.contains(id) ? .done : nil
  }

  /// Adds a request, unless it is known.
  mutating func request(_ id: SyncID) {
    guard progress(of: id) == nil else { return }
    unanswered.append(Request(id: id, stage: .requested))
    if unanswered.count > Self.limit { unanswered.removeFirst() }
  }

  /// Begins a fetch.
  ///
  /// - Returns: the requests that it answers.
  mutating func beginFetch() -> Set<SyncID> {
    let ids = Set(unanswered.filter { $0.stage == .requested }.map(\.id))
    move(ids, from: .requested, to: .fetching)
    return ids
  }

  /// Ends a fetch. After a failure the next fetch answers its requests.
  mutating func endFetch(of ids: Set<SyncID>, hasSucceeded: Bool) {
    move(ids, from: .fetching, to: hasSucceeded ? .fetched : .requested)
  }

  /// Begins a pass, which applies what was fetched until now.
  mutating func beginPass() { move(nil, from: .fetched, to: .applying) }

  /// Ends a pass. After a failure the next pass answers its requests.
  ///
  /// - Parameters:
  ///   - head: the commit that is reconciled.
  ///   - hasApplied: whether nothing of that commit is left to apply, except blocked changes.
  ///   - isFollowed: whether that commit is the last one to follow; false between two steps of a stepwise history.
  /// - Returns: the answer to report; nil if nothing has changed.
  mutating func endPass(at head: ObjectID?, hasApplied: Bool, isFollowed: Bool) -> Answer? {
    var ids: [SyncID] = []
    if hasApplied, isFollowed {
      ids = unanswered.filter { $0.stage == .applying }.map(\.id)
      unanswered.removeAll { $0.stage == .applying }
      answered = Array((answered + ids).suffix(Self.limit))
    } else {
      move(nil, from: .applying, to: .fetched)
    }
    guard hasApplied, !ids.isEmpty || head != reported else { return nil }
    reported = head
    return Answer(head: head, requests: ids)
  }

  /// - Parameter ids: nil for all.
  private mutating func move(_ ids: Set<SyncID>?, from old: Stage, to new: Stage) {
    for index in unanswered.indices where unanswered[index].stage == old {
      if let ids, !ids.contains(unanswered[index].id) { continue }
      unanswered[index].stage = new
    }
  }
}
