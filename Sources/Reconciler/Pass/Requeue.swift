/// When the next reconcile pass starts, as one pass or one of its steps returns it.
enum Requeue: Hashable, Sendable {
  /// The next event starts the next pass.
  case none
  /// At once.
  case now
  /// After this time, unless an event comes first.
  case after(Duration)
  /// Something failed. The next pass starts after a delay that grows with each failure, and after `atMost` in any case.
  case backoff(atMost: Duration? = nil)

  /// The time after which the next pass starts in any case; nil if it may wait for an event or for the backoff.
  var wait: Duration? {
    switch self {
    case .none: nil
    case .now: .zero
    case .after(let wait): wait
    case .backoff(let wait): wait
    }
  }

  var isBackoff: Bool {
    if case .backoff = self { true } else { false }
  }

  /// Combines the results of two steps: the shorter time counts, and a failure of either step is kept.
  func merged(with other: Requeue) -> Requeue {
    let wait = [self.wait, other.wait].compactMap(\.self).min()
    if isBackoff || other.isBackoff { return .backoff(atMost: wait) }
    guard let wait else { return .none }
    return wait == .zero ? .now : .after(wait)
  }

  mutating func merge(_ other: Requeue) { self = merged(with: other) }
}
