import ClusterAPI

/// The state machine of one candidate in a leader election with a Lease, as a value: takes events and returns
/// the next step.
///
/// The rules are client-go's (`tools/leaderelection`): a lease expires when its record has not been *seen to
/// change* for its duration, by the waiting candidate's own clock; times written by others are never compared.
/// Every write replaces the version that was read, so only one of several candidates succeeds.
///
/// All times come from one monotonic clock, which continues while the process is suspended.
struct LeaseMachine: Sendable {
  enum Step: Sendable, Equatable {
    /// Read the lease.
    case read
    /// Write this record: over that version of the lease, or as a new lease.
    case write(LeaseRecord, over: Object?)
    case wait(until: Duration)
    /// This candidate has lost leadership and must not act any more.
    case lost(Loss)
  }

  enum Loss: Sendable, Hashable {
    case taken(by: String?)
    /// No renewal succeeded in time.
    case notRenewed
  }

  private struct Seen: Sendable {
    var object: Object
    var record: LeaseRecord
    /// When the record was first seen in this form.
    var since: Duration
  }

  private enum Knowledge: Sendable {
    /// Unknown, or outdated.
    case nothing
    case absent
    case lease(Seen)
  }

  let identity: String
  let timing: LeaseTiming
  private var knowledge = Knowledge.nothing
  /// Kept while knowledge is outdated: if the record is found unchanged, its age continues.
  private var lastSeen: Seen?
  private var readAt: Duration = .zero
  private var notBefore: Duration?
  /// The number of consecutive conflicts with other candidates.
  private var conflicts = 0
  private var leadingSince: Duration?
  private var loss: Loss?

  init(identity: String, timing: LeaseTiming = LeaseTiming()) {
    self.identity = identity
    self.timing = timing
  }

  /// The time until which this candidate may act as the leader; nil if it does not lead.
  var provenUntil: Duration? { loss == nil ? leadingSince.map { $0 + timing.giveUp } : nil }

  /// The last known leader; nil if there is none.
  var holder: String? { lastSeen?.record.holder }

  /// The lease's annotations, as last read or written.
  var notes: [String: String] { lastSeen?.object.annotations ?? [:] }

  /// Returns the next step.
  /// - Parameter wall: time since 1970, for the informational times in the lease.
  mutating func next(now: Duration, wall: Duration) -> Step {
    if let until = provenUntil, now >= until { loss = .notRenewed }
    if let loss { return .lost(loss) }
    if let notBefore, now < notBefore { return .wait(until: min(notBefore, provenUntil ?? notBefore)) }
    switch knowledge {
    case .nothing: return .read
    case .absent: return .write(record(over: nil, wall), over: nil)
    case .lease(let seen):
      if let leadingSince {
        let renewal = leadingSince + timing.renew
        return now >= renewal
          ? .write(record(over: seen.record, wall), over: seen.object) : .wait(until: renewal)
      }
      guard let holder = seen.record.holder, holder != identity else {
        return .write(record(over: seen.record, wall), over: seen.object)
      }
      let end = seen.since + duration(of: seen.record)
      if now >= end { return .write(record(over: seen.record, wall), over: seen.object) }
      let nextRead = readAt + timing.poll
      return now >= nextRead ? .read : .wait(until: min(nextRead, end))
    }
  }

  /// Handles the result of a read; nil if there is no lease.
  mutating func found(_ object: Object?, at now: Duration) {
    notBefore = nil
    readAt = now
    guard let object else {
      knowledge = .absent
      lastSeen = nil
      return
    }
    let seen = remember(object, at: now)
    if leadingSince != nil, seen.record.holder != identity { loss = .taken(by: seen.record.holder) }
  }

  /// Handles a successful write.
  /// - Parameter sent: when the request was sent: other candidates cannot have seen the write earlier.
  mutating func wrote(_ object: Object, sentAt sent: Duration) {
    notBefore = nil
    conflicts = 0
    remember(object, at: sent)
    leadingSince = sent
  }

  /// Handles a failed call.
  mutating func failed(_ error: APIError, at now: Duration) {
    switch error.kind {
    case .conflict, .alreadyExists, .notFound:
      // Another candidate was faster; the next read shows which. Until then the lease does not count as lost.
      knowledge = .nothing
      conflicts += 1
      notBefore = conflicts > 1 ? now + timing.retry : nil
    default:
      // The write may still have succeeded; then the next write, over the version known now, ends in a harmless
      // conflict.
      let isLeading = leadingSince != nil
      notBefore = now + (isLeading ? timing.retry : max(timing.poll, error.retryAfter ?? .zero))
      if !isLeading { knowledge = .nothing }
    }
  }

  /// Returns the write that releases the lease, so that the next leader need not wait; nil if this candidate no
  /// longer holds it.
  func release(now: Duration, wall: Duration) -> Step? {
    guard let until = provenUntil, now < until else { return nil }
    switch knowledge {
    case .nothing: return .read
    case .absent: return nil
    case .lease(let seen):
      var record = record(over: seen.record, wall)
      record.holder = nil
      record.seconds = 1
      return .write(record, over: seen.object)
    }
  }

  @discardableResult
  private mutating func remember(_ object: Object, at now: Duration) -> Seen {
    let record = LeaseRecord(object)
    let isUnchanged = lastSeen?.record == record && lastSeen?.object.uid == object.uid
    let seen = Seen(object: object, record: record, since: isUnchanged ? lastSeen?.since ?? now : now)
    knowledge = .lease(seen)
    lastSeen = seen
    return seen
  }

  private func record(over old: LeaseRecord?, _ wall: Duration) -> LeaseRecord {
    let time = LeaseRecord.text(wall)
    let isOurs = old?.holder == identity
    return LeaseRecord(
      holder: identity, seconds: max(1, Int(timing.duration.components.seconds)),
      acquired: isOurs ? old?.acquired ?? time : time, renewed: time,
      transitions: old.map { isOurs ? $0.transitions : $0.transitions &+ 1 } ?? 0)
  }

  /// The duration comes from the holder's record, limited to a sensible range.
  private func duration(of record: LeaseRecord) -> Duration {
    record.seconds.map { .seconds(min(max($0, 1), 3600)) } ?? timing.duration
  }
}
