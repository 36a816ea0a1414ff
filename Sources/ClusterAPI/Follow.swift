import Values

/// A change that is passed to the callback of `follow`.
public enum FollowedChange: Sendable {
  /// All existing objects. Objects that are not in the list are gone.
  ///
  /// - Parameter version: the version of the list; empty if it is not known.
  case all([Object], version: String = "")
  case changed(Object)
  /// Contains the object's last state.
  case removed(Object)
}

extension ClusterAPI {
  /// Follows all objects of a kind until the task is cancelled: a list, then a watch, and a new list whenever the
  /// watch cannot continue where it stopped.
  ///
  /// - Parameters:
  ///   - clock: used to wait after a failure; the wait grows up to half a minute.
  ///   - onFailure: called for every failure. Following continues.
  /// - Throws: `CancellationError` only.
  public func follow(
    _ resource: Resource, namespace: String? = nil, labels: LabelSelector = .everything,
    clock: any Clock<Duration>, onFailure: @Sendable (APIError) async -> Void = { _ in },
    _ onChange: @Sendable (FollowedChange) async -> Void
  ) async throws {
    let elapsed = stopwatch(clock)
    let backoff = Backoff(first: .milliseconds(250), limit: .seconds(30))
    var failures = 0
    var version: String?
    while true {
      try Task.checkCancellation()
      let begun = elapsed()
      do {
        if version == nil {
          let list = try await list(resource, namespace: namespace, labels: labels)
          await onChange(.all(list.items, version: list.resourceVersion))
          version = list.resourceVersion
        }
        for try await event in watch(resource, namespace: namespace, labels: labels, after: version ?? "") {
          failures = 0
          switch event {
          case .added(let object), .modified(let object):
            version = object.resourceVersion
            await onChange(.changed(object))
          case .deleted(let object):
            version = object.resourceVersion
            await onChange(.removed(object))
          case .bookmark(let newer):
            version = newer
          }
        }
        try Task.checkCancellation()
      } catch let error as APIError {
        // A call that ended because of cancellation is not a failure.
        try Task.checkCancellation()
        await onFailure(error)
        // A watch that ran for a minute was successful, even if nothing happened.
        failures = elapsed() - begun < .seconds(60) ? failures + 1 : 1
        if error.kind == .gone {
          version = nil
          // A new list usually helps, so the first one is made at once. If that fails too, wait.
          if failures == 1 { continue }
        }
        let wait = error.retryAfter ?? backoff.longest(attempt: failures)
        try await clock.sleep(for: wait)
      }
    }
  }
  /// Starts a stopwatch.
  ///
  /// - Returns: a closure that returns the time since this call.
  private func stopwatch(_ clock: some Clock<Duration>) -> () -> Duration {
    let start = clock.now
    return { start.duration(to: clock.now) }
  }
}
