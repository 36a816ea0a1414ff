import Reports

/// Decides whether a daemon has answered a request to fetch, or a later request that replaced it. It compares ids; no
/// time decides anything.
public struct SyncWait: Sendable {
  public enum Step: Hashable, Sendable {
    /// The request is not done yet; with the daemon's current activity, for users.
    case pending(String)
    /// The daemon has applied a fetch that began after the request.
    case answered
    /// A daemon of an older version, which does not report ids, has fetched since the request, and was seen running
    /// after that fetch.
    case presumed
    /// It cannot be determined whether the request was answered; with the reason, for users.
    case unknown(String)
  }

  private let fetchedBefore: Int?
  /// The request, and those that replaced it on the Lease before the daemon read it.
  private var ids: Set<SyncID>
  private var sign = LaterSign()

  /// - Parameters:
  ///   - fetchedBefore: the daemon's last fetch before the request, by its own clock. It is only compared for equality.
  public init(_ id: SyncID, fetchedBefore: Int?) {
    ids = [id]
    self.fetchedBefore = fetchedBefore
  }

  /// Takes a read of the Lease, at any time after the request was written to it. A request that is on the Lease then has
  /// replaced the earlier ones.
  public mutating func observe(_ daemon: DaemonState) -> Step {
    if let requested = daemon.requested { ids.insert(requested) }
    guard let answered = daemon.synced else { return observeOlder(daemon) }
    let isAnswered = answered.contains { ids.contains($0) }
    return isAnswered
      ? .answered : .pending(daemon.problem ?? "the daemon has not applied the requested fetch yet")
  }

  /// Takes an answer of the daemon's socket to the request or its repetition.
  ///
  /// - Parameter progress: nil if the daemon is of an older version.
  public mutating func observe(_ progress: SyncProgress?, _ daemon: DaemonState) -> Step {
    switch progress {
    case .done: .answered
    case .requested: .pending(daemon.problem ?? "the daemon has not begun the requested fetch yet")
    case .fetching: .pending(daemon.problem ?? "the daemon fetches")
    case .applying: .pending(daemon.problem ?? "the daemon applies what it fetched")
    case nil: observeOlder(daemon)
    }
  }

  private mutating func observeOlder(_ daemon: DaemonState) -> Step {
    if daemon.seen == nil, case .unknown(let reason) = daemon.life { return .unknown(reason) }
    let hasFetched = daemon.fetched != nil && daemon.fetched != fetchedBefore
    if sign.isLater(than: hasFetched, daemon.seen) { return .presumed }
    let words = hasFetched ? "the daemon applies what it fetched" : "the daemon has not fetched yet"
    return .pending(daemon.problem ?? words)
  }
}

/// Detects that a daemon has shown a later sign of life than the one that came with an event. It stands in for an answer
/// that a daemon of an older version does not give.
public struct LaterSign: Sendable {
  private enum State {
    case before
    /// The event has happened, and the daemon's last sign of life was this one.
    case happened(Int)
    case later
  }

  private var state = State.before

  public init() {}

  /// - Parameters:
  ///   - hasHappened: whether the event has happened. If it has not any more, detection begins again.
  ///   - seen: the daemon's last sign of life; only compared for equality. Nil if it is unknown.
  public mutating func isLater(than hasHappened: Bool, _ seen: Int?) -> Bool {
    guard hasHappened else {
      state = .before
      return false
    }
    switch state {
    case .before: if let seen { state = .happened(seen) }
    case .happened(let first): if let seen, seen != first { state = .later }
    case .later: break
    }
    if case .later = state { return true }
    return false
  }
}
