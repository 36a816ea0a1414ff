/// What a follower of a kind is told.
public enum FollowedChange: Sendable {
  /// Everything there is; what is not in it is gone.
  case all([Object])
  case changed(Object)
  /// With the object's last state.
  case removed(Object)
}

extension ClusterAPI {
  /// Follows all objects of a kind for as long as the task lives: a list, then a watch, and a fresh list whenever
  /// the watch cannot go on where it stopped.
  ///
  /// - Parameters:
  ///   - clock: sleeps between two tries after a failure, longer each time up to half a minute.
  ///   - onFailure: hears of every failure; the following goes on.
  /// - Throws: `CancellationError` only.
  public func follow(
    _ resource: Resource, namespace: String? = nil, labels: LabelSelector = .everything,
    clock: any Clock<Duration>, onFailure: @Sendable (APIError) async -> Void = { _ in },
    _ onChange: @Sendable (FollowedChange) async -> Void
  ) async throws {
    let elapsed = stopwatch(clock)
    var failures = 0
    var version: String?
    while true {
      try Task.checkCancellation()
      let begun = elapsed()
      do {
        if version == nil {
          let list = try await list(resource, namespace: namespace, labels: labels)
          await onChange(.all(list.items))
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
        // A call that ends because nobody wants its answer any more is no failure.
        try Task.checkCancellation()
        await onFailure(error)
        // What went well for a minute was no failure, even where nothing happened.
        failures = elapsed() - begun < .seconds(60) ? failures + 1 : 1
        if error.kind == .gone {
          version = nil
          // A fresh list is what helps; where it does not, it is no use to hurry.
          if failures == 1 { continue }
        }
        let wait = error.retryAfter ?? .milliseconds(min(30_000, 250 << min(failures, 7)))
        try await clock.sleep(for: wait)
      }
    }
  }
  /// - Returns: what tells the time since now.
  private func stopwatch(_ clock: some Clock<Duration>) -> () -> Duration {
    let start = clock.now
    return { start.duration(to: clock.now) }
  }
}
