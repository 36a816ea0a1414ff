import Rules
import Signatures

extension Reconciler {
  public struct Settings: Sendable {
    public var branch: String
    public var policy: Policy
    /// The time between two fetches.
    public var interval: Duration
    /// Whether a branch is followed that no longer contains the last attempted revision.
    public var acceptsRewrittenHistory: Bool
    public var history: History
    /// Whether the changes of one commit are applied all or none.
    public var isAtomic: Bool
    /// Whether a stalled upgrade is rolled back if a later app waits behind it.
    public var fixesForward: Bool
    /// The time between two resyncs, which run in addition to the watches.
    public var compareInterval: Duration
    /// Whether, and when, the daemon reverts a stalled upgrade by a commit of its own; nil if people do that.
    public var autoRevert: AutoRevert?
    /// Which commits have to be signed.
    public var verify = SignaturePolicy.Mode.none
    /// Verifies signatures; nil if none are required.
    public var checker: (any SignatureChecker)?
    /// The location of the keys of allowed signers, as shown to people.
    public var signers = ""

    public init(
      branch: String = "main", policy: Policy = Policy(), interval: Duration = .seconds(60),
      acceptsRewrittenHistory: Bool = false, history: History = .net, isAtomic: Bool = false,
      fixesForward: Bool = false, compareInterval: Duration = .seconds(1800)
    ) {
      self.branch = branch
      self.policy = policy
      self.interval = interval
      self.acceptsRewrittenHistory = acceptsRewrittenHistory
      self.history = history
      self.isAtomic = isAtomic
      self.fixesForward = fixesForward
      self.compareInterval = compareInterval
    }
  }
}
