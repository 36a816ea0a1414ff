import ClusterAPI

/// One candidate's part in an election by Lease, as a value: it is told what happened and says what to do next.
///
/// The rules are client-go's (`tools/leaderelection`): a lease runs out when its record has not been *seen to change*
/// for its duration, by the clock of whoever waits; times written by others are never compared. Every write replaces
/// the version that was seen, so of several candidates one succeeds.
///
/// All instants are of one steady clock, which goes on while the process is stopped.
struct LeaseMachine: Sendable {
  enum Step: Sendable, Equatable {
    /// Read the lease.
    case look
    /// Write this record: over that version of the lease, or as a new one.
    case write(LeaseRecord, over: Object?)
    case wait(until: Duration)
    /// This candidate led and must not act any more.
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
    /// When the record was first seen as it is.
    var since: Duration
  }

  private enum Knowledge: Sendable {
    /// Nothing, or what was known is out of date.
    case nothing
    case absent
    case lease(Seen)
  }

  let identity: String
  let timing: LeaseTiming
  private var knowledge = Knowledge.nothing
  /// Kept while knowledge is out of date: a record that is found unchanged is as old as it was.
  private var lastSeen: Seen?
  private var lookedAt: Duration = .zero
  private var notBefore: Duration?
  /// How often in a row someone was faster.
  private var conflicts = 0
  private var leadingSince: Duration?
  private var loss: Loss?

  init(identity: String, timing: LeaseTiming = LeaseTiming()) {
    self.identity = identity
    self.timing = timing
  }

  /// Until when this candidate may act as the leader; nil where it does not lead.
  var provenUntil: Duration? { loss == nil ? leadingSince.map { $0 + timing.giveUp } : nil }

  /// Who leads as far as is known; nil for nobody.
  var holder: String? { lastSeen?.record.holder }

  /// What people have noted on the lease, as it was last read or written.
  var notes: [String: String] { lastSeen?.object.annotations ?? [:] }

  /// What to do now.
  /// - Parameter wall: since 1970, for the times that people read in the lease.
  mutating func next(now: Duration, wall: Duration) -> Step {
    if let until = provenUntil, now >= until { loss = .notRenewed }
    if let loss { return .lost(loss) }
    if let notBefore, now < notBefore { return .wait(until: min(notBefore, provenUntil ?? notBefore)) }
    switch knowledge {
    case .nothing: return .look
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
      let look = lookedAt + timing.look
      return now >= look ? .look : .wait(until: min(look, end))
    }
  }

  /// The lease was read; nil where there is none.
  mutating func found(_ object: Object?, at now: Duration) {
    notBefore = nil
    lookedAt = now
    guard let object else {
      knowledge = .absent
      lastSeen = nil
      return
    }
    let seen = remember(object, at: now)
    if leadingSince != nil, seen.record.holder != identity { loss = .taken(by: seen.record.holder) }
  }

  /// A write of ours succeeded.
  /// - Parameter sent: when it was begun: nobody can have seen it earlier.
  mutating func wrote(_ object: Object, sentAt sent: Duration) {
    notBefore = nil
    conflicts = 0
    remember(object, at: sent)
    leadingSince = sent
  }

  /// A call failed.
  mutating func failed(_ error: APIError, at now: Duration) {
    switch error.kind {
    case .conflict, .alreadyExists, .notFound:
      // Someone was faster. Who, is seen at the next look; until then nothing is known to be lost.
      knowledge = .nothing
      conflicts += 1
      notBefore = conflicts > 1 ? now + timing.retry : nil
    default:
      // A write may have been done all the same; then the version that is known now meets a conflict, and all is well.
      let isLeading = leadingSince != nil
      notBefore = now + (isLeading ? timing.retry : max(timing.look, error.retryAfter ?? .zero))
      if !isLeading { knowledge = .nothing }
    }
  }

  /// How the leader, ending of its own will, lets go, so that the next one needs not wait; nil where nothing of it is
  /// left to let go.
  func release(now: Duration, wall: Duration) -> Step? {
    guard let until = provenUntil, now < until else { return nil }
    switch knowledge {
    case .nothing: return .look
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

  /// The holder's own word counts, within what a mistake could make of it.
  private func duration(of record: LeaseRecord) -> Duration {
    record.seconds.map { .seconds(min(max($0, 1), 3600)) } ?? timing.duration
  }
}
