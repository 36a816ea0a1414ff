import ClusterAPI

/// Executes the steps of the lease state machine, one call at a time.
struct Candidate: Sendable {
  var machine: LeaseMachine
  let api: any ClusterAPI
  let lease: ObjectName
  let time: MonotonicTime
  let wall: @Sendable () -> Duration
  /// The annotations that are set on the lease with each write of the holder.
  let notes: @Sendable () -> [String: String]

  mutating func next() -> LeaseMachine.Step { machine.next(now: time.now(), wall: wall()) }

  /// Reads or writes the lease, and passes the result to the state machine.
  mutating func perform(_ step: LeaseMachine.Step) async throws(APIError) {
    let sent = time.now()
    do {
      switch step {
      case .read: machine.found(try await read(before: deadline(sent)), at: time.now())
      case .write(let record, let old):
        machine.wrote(try await write(record, over: old, before: deadline(sent)), sentAt: sent)
      case .wait, .lost: break
      }
    } catch {
      machine.failed(error, at: time.now())
      throw error
    }
  }

  /// Releases the lease, so that the next leader need not wait until it expires. Best effort.
  mutating func release() async {
    let end = time.now() + machine.timing.release
    // A renewal that got no answer may have changed the lease. Then the lease is read, and the release is tried
    // again.
    for _ in 0..<4 {
      guard let step = machine.release(now: time.now(), wall: wall()) else { return }
      do throws(APIError) {
        switch step {
        case .read: machine.found(try await read(before: end), at: time.now())
        case .write(let record, let old):
          _ = try await write(record, over: old, before: end)
          return
        case .wait, .lost: return
        }
      } catch {
        machine.failed(error, at: time.now())
        guard error.kind == .conflict else { return }
      }
    }
  }

  private func deadline(_ now: Duration) -> Duration {
    let own = now + machine.timing.request
    return machine.provenUntil.map { min($0, own) } ?? own
  }

  private func read(before deadline: Duration) async throws(APIError) -> Object? {
    let (api, lease) = (api, lease)
    return try await time.limit(to: deadline, "Lease \(lease)") { () throws(APIError) -> Object? in
      do throws(APIError) { return try await api.get(.leases, lease) } catch {
        if error.kind == .notFound { return nil }
        throw error
      }
    }
  }

  private func write(
    _ record: LeaseRecord, over old: Object?, before deadline: Duration
  ) async throws(APIError) -> Object {
    let object = record.object(lease, over: old, notes: notes())
    let (api, lease) = (api, lease)
    return try await time.limit(to: deadline, "Lease \(lease)") { () throws(APIError) -> Object in
      old == nil ? try await api.create(object) : try await api.update(object)
    }
  }
}
