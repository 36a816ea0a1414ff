import ClusterAPI
import FoundationEssentials

extension EmbeddedCluster {
  public struct Options: Sendable {
    public var limits = SandboxLimits()
    /// Gives each script its own cgroup. Nil if the machine has no usable cgroups; the resource watch then
    /// limits the scripts.
    public var cgroups: ScriptCgroups?
    /// The maximum number of scripts that run at the same time, and of init containers; the others wait in a queue.
    public var concurrentScripts = max(2, 2 * ProcessInfo.processInfo.activeProcessorCount)
    public var capacity = NodeCapacity()
    /// The number of changes that are kept for watches that resume.
    public var eventWindow = 16_384
    /// The number of unread events after which a watch ends with `.gone`.
    public var watchBacklog = 32_768
    /// Changes each new object, as a mutating admission webhook would.
    public var admission: (@Sendable (Object) -> Object)?

    public init() {}
  }
}
