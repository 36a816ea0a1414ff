import ClusterAPI
import FoundationEssentials

/// Leader election with a Lease object: one of several daemons leads, and the others wait.
///
/// A leader sends one request every four seconds, a waiting candidate one every two.
public struct Leadership: Sendable {
  private let api: any ClusterAPI
  private let lease: ObjectName
  private let timing: LeaseTiming
  private let time: MonotonicTime
  private let wall: @Sendable () -> Duration
  private let notes: @Sendable () -> [String: String]
  /// This candidate's identity in the lease.
  public let identity: String

  /// - Parameters:
  ///   - api: the API for the lease; never a `Fenced` one.
  ///   - clock: must continue while the process is suspended.
  ///   - notes: annotations that are set on the lease with each renewal.
  ///   - wall: time since 1970, for the informational times in the lease.
  public init(
    api: any ClusterAPI, lease: ObjectName, identity: String = LeaderIdentity.unique(),
    timing: LeaseTiming = LeaseTiming(), clock: some Clock<Duration> = ContinuousClock(),
    notes: @escaping @Sendable () -> [String: String] = { [:] },
    wall: @escaping @Sendable () -> Duration = { .seconds(Date().timeIntervalSince1970) }
  ) {
    self.api = api
    self.lease = lease
    self.identity = identity
    self.timing = timing
    time = MonotonicTime(clock)
    self.wall = wall
    self.notes = notes
  }

  /// Waits until this candidate leads, runs the body, and releases the lease when the body has ended.
  ///
  /// The body is cancelled as soon as the lease is lost or can no longer be proved to be held, four seconds
  /// before another candidate may take it. If the caller is cancelled, so is the body, and the lease is kept
  /// until the body has ended.
  ///
  /// - Parameters:
  ///   - onWaiting: called once for each leader that this candidate waits for.
  ///   - onFailure: called for every failed request; the next request follows automatically.
  ///   - onNotes: called with the lease's annotations when this candidate becomes leader, and within four
  ///     seconds after each change, at the cost of two requests. Must not block.
  /// - Throws: the body's error; `LeadershipLost`, after which the caller may call this again; an `APIError` if
  ///   waiting cannot help, such as a missing permission; `CancellationError` if cancelled before it led.
  public func hold<T: Sendable>(
    onWaiting: @escaping @Sendable (_ holder: String) async -> Void = { _ in },
    onFailure: @escaping @Sendable (APIError) async -> Void = { _ in },
    onNotes: @escaping @Sendable ([String: String]) -> Void = { _ in },
    _ body: @escaping @Sendable (Leader) async throws -> T
  ) async throws -> T {
    var candidate = Candidate(
      machine: LeaseMachine(identity: identity, timing: timing), api: api, lease: lease, time: time,
      wall: wall, notes: notes)
    let end = try await Self.stand(&candidate, onWaiting, onFailure)
    let proof = Proof(until: end, time)
    return try await lead(candidate, proof, onFailure, onNotes, body)
  }

  /// - Returns: the time until which the new leader may act.
  private static func stand(
    _ candidate: inout Candidate, _ onWaiting: @Sendable (String) async -> Void,
    _ onFailure: @Sendable (APIError) async -> Void
  ) async throws -> Duration {
    var reported: String?
    var wasAnswered = false
    while true {
      try Task.checkCancellation()
      if let end = candidate.machine.provenUntil { return end }
      let step = candidate.next()
      if case .wait(let until) = step {
        if let holder = candidate.machine.holder, holder != reported {
          reported = holder
          await onWaiting(holder)
        }
        try await candidate.time.sleep(until)
        continue
      }
      do {
        try await candidate.perform(step)
        wasAnswered = true
      } catch {
        // A server that has just started may refuse requests for a moment. A missing namespace is only reported when
        // it is certain.
        if Self.isHopeless(error, step), !wasAnswered || error.kind == .notFound { throw error }
        if !Self.isRivalry(error) { await onFailure(error) }
      }
    }
  }

  private enum Event<T: Sendable>: Sendable {
    case ended(Result<T, any Error>)
    case lost(LeaseMachine.Loss)
    case nothing
  }

  private func lead<T: Sendable>(
    _ candidate: Candidate, _ proof: Proof, _ onFailure: @escaping @Sendable (APIError) async -> Void,
    _ onNotes: @escaping @Sendable ([String: String]) -> Void,
    _ body: @escaping @Sendable (Leader) async throws -> T
  ) async throws -> T {
    let leader = Leader(identity: identity, proof: proof)
    // Not a child task: when the caller is cancelled, the body may still write its final state, and must lead
    // while it does.
    let renewal = Task { await Self.renew(candidate, proof, onFailure, onNotes) }
    var result: Result<T, any Error>?
    var loss: LeaseMachine.Loss?
    await withTaskGroup(of: Event<T>.self) { group in
      group.addTask {
        do { return .ended(.success(try await body(leader))) } catch { return .ended(.failure(error)) }
      }
      group.addTask { await renewal.value.loss.map(Event.lost) ?? .nothing }
      // Runs beside the renewal, which may hang in a request.
      group.addTask { (try? await proof.wait()) == nil ? .nothing : .lost(.notRenewed) }
      while let event = await group.next() {
        switch event {
        case .ended(let ended): result = ended
        case .lost(let lost) where result == nil:
          loss = loss ?? lost
          proof.revoke()
        case .lost, .nothing: continue
        }
        renewal.cancel()
        group.cancelAll()
      }
    }
    proof.revoke()
    if let loss { throw lost(loss) }
    let last = await renewal.value.candidate
    // Not cancelled together with the caller, because a release is most useful then.
    await Task {
      var last = last
      await last.release()
    }.value
    guard let result else { throw CancellationError() }
    return try result.get()
  }

  /// Renews the lease until it is lost or the task is cancelled.
  private static func renew(
    _ candidate: Candidate, _ proof: Proof, _ onFailure: @Sendable (APIError) async -> Void,
    _ onNotes: @Sendable ([String: String]) -> Void
  ) async -> (candidate: Candidate, loss: LeaseMachine.Loss?) {
    var candidate = candidate
    var reported = candidate.machine.notes
    onNotes(reported)
    while !Task.isCancelled {
      let step = candidate.next()
      switch step {
      case .lost(let loss): return (candidate, loss)
      case .wait(let until): try? await candidate.time.sleep(until)
      case .read, .write:
        do {
          try await candidate.perform(step)
          if let end = candidate.machine.provenUntil { proof.extend(until: end) }
          if candidate.machine.notes != reported {
            reported = candidate.machine.notes
            onNotes(reported)
          }
        } catch {
          if !isRivalry(error), !Task.isCancelled { await onFailure(error) }
        }
      }
    }
    return (candidate, nil)
  }

  /// Whether the error means that another candidate was faster, which is normal in an election.
  private static func isRivalry(_ error: APIError) -> Bool {
    error.kind == .conflict || error.kind == .alreadyExists || error.kind == .notFound
  }

  private static func isHopeless(_ error: APIError, _ step: LeaseMachine.Step) -> Bool {
    switch error.kind {
    case .forbidden, .unauthorized, .invalid, .unsupported: return true
    // When a new lease cannot be created, the missing object is its namespace.
    case .notFound: if case .write(_, over: nil) = step { return true } else { return false }
    default: return false
    }
  }

  private func lost(_ loss: LeaseMachine.Loss) -> LeadershipLost {
    switch loss {
    case .taken(let holder):
      LeadershipLost(
        holder: holder,
        description: "Lease \(lease): \(holder ?? "no daemon") leads now; this daemon is a candidate again")
    case .notRenewed:
      LeadershipLost(
        description:
          "Lease \(lease): could not be renewed within \(timing.giveUp), so another daemon may lead soon; this one stands again"
      )
    }
  }
}
