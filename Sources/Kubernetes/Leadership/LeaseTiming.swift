/// The lengths that leading and taking over go by.
///
/// Whoever leads stops believing in it (`giveUp`) well before anyone may take the lease (`duration`), so that what
/// was begun has the time between to end.
public struct LeaseTiming: Sendable, Hashable {
  /// How long nobody else takes a lease after it was seen to change.
  public var duration: Duration = .seconds(12)
  /// Between two renewals.
  public var renew: Duration = .seconds(4)
  /// How long after the beginning of the last successful renewal the holder may still act.
  public var giveUp: Duration = .seconds(8)
  /// Between two looks at somebody else's lease.
  public var look: Duration = .seconds(2)
  /// Before the next try after a failure.
  public var retry: Duration = .seconds(1)
  /// For one request; one that takes longer counts as failed.
  public var request: Duration = .seconds(3)
  /// For letting go of the lease at the end.
  public var release: Duration = .seconds(2)

  public init() {}
}
