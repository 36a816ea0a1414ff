/// Signals to start a fetch or a reconcile pass. Signals that were not handled yet count as one.
struct PassSignals: Sendable {
  let passes: AsyncStream<Void>
  let fetches: AsyncStream<Void>
  private let passNeeded: AsyncStream<Void>.Continuation
  private let fetchNeeded: AsyncStream<Void>.Continuation

  init() {
    (passes, passNeeded) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    (fetches, fetchNeeded) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  func requestPass() { passNeeded.yield() }
  func requestFetch() { fetchNeeded.yield() }
}
