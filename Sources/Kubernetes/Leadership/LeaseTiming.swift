/// The durations of leader election.
///
/// A leader stops acting (`giveUp`) well before another candidate may take the lease (`duration`), so that
/// operations in progress have time to end.
public struct LeaseTiming: Sendable, Hashable {
  /// How long after its last observed change no other candidate takes the lease.
  public var duration: Duration = .seconds(12)
  /// The interval between two renewals.
  public var renew: Duration = .seconds(4)
  /// How long after the start of the last successful renewal the holder may still act.
  public var giveUp: Duration = .seconds(8)
  /// The interval between two reads of another holder's lease.
  public var poll: Duration = .seconds(2)
  /// The delay before a retry after a failure.
  public var retry: Duration = .seconds(1)
  /// The timeout of one request.
  public var request: Duration = .seconds(3)
  /// The timeout for the release of the lease at the end.
  public var release: Duration = .seconds(2)

  public init() {}
}
