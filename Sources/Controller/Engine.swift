import ClusterAPI
import KubeDirector
import Logging
import Upgrade
import Values

/// Follows the clusters and brings each to where its spec says, one step after another.
///
/// Holds no state that matters: everything needed to go on after a crash is in the objects.
public struct Engine: Sendable {
  public struct Settings: Sendable {
    /// Where apps of the catalog `system` live.
    public var systemNamespace: String
    public var clusterDomain: String
    /// In seconds; 0 for no limit.
    public var scriptTimeout: Int
    /// In seconds; nil for none.
    public var progressDeadline: Int?
    /// Clusters that another installation owns are left alone; nil for none.
    public var installation: String?
    /// Whether clusters of a namespace are the engine's business.
    public var isTenant: @Sendable (_ namespace: String) -> Bool
    /// What of a cluster's spec may reach its pods and services.
    public var tenancy: Tenancy
    /// How many clusters are looked at side by side.
    public var workers: Int

    public init(
      systemNamespace: String = "kdops-system", clusterDomain: String = "cluster.local",
      scriptTimeout: Int = 600,
      progressDeadline: Int? = nil, installation: String? = nil,
      isTenant: @escaping @Sendable (_ namespace: String) -> Bool = { _ in true },
      tenancy: Tenancy = Tenancy(), workers: Int = 4
    ) {
      self.systemNamespace = systemNamespace
      self.clusterDomain = clusterDomain
      self.scriptTimeout = scriptTimeout
      self.progressDeadline = progressDeadline
      self.installation = installation
      self.isTenant = isTenant
      self.tenancy = tenancy
      self.workers = workers
    }

    /// Whether objects of a kind that a cluster names are looked at. Secrets are not where no cluster may use one.
    func follows(_ connected: Resource) -> Bool { connected != .secrets || tenancy.secretPrefix != .none }
  }

  let api: any ClusterAPI
  let settings: Settings
  let stamp: Stamp
  let logger: Logger
  let clock: any Clock<Duration>
  let now: @Sendable () -> Int
  let world: World
  let hands: Hands
  let queue = WorkQueue()
  let jobs = Jobs()

  /// - Parameters:
  ///   - stamp: tells what was applied from git; nothing else is acted on.
  ///   - announcer: where people read of what happens; run by whoever made it.
  ///   - now: the wall clock, in whole seconds since 1970.
  public init(
    api: any ClusterAPI, settings: Settings = Settings(), stamp: Stamp, logger: Logger,
    clock: any Clock<Duration>,
    announcer: Announcer? = nil, now: @escaping @Sendable () -> Int
  ) {
    self.api = api
    self.settings = settings
    self.stamp = stamp
    self.logger = logger
    self.clock = clock
    self.now = now
    world = World(
      systemNamespace: settings.systemNamespace, installation: settings.installation, stamp: stamp,
      isTenant: settings.isTenant, now: now)
    hands = Hands(api: api, world: world, settings: settings, logger: logger, announcer: announcer)
  }

  /// Runs until the task is cancelled. Scripts that run then go on by themselves, and are taken up again later.
  public func run() async {
    let parts = LabelSelector(equals: [:], exists: [Wire.Label.cluster])
    await withDiscardingTaskGroup { group in
      group.addTask { await jobs.run() }
      for (resource, labels) in [
        (Resource.apps, LabelSelector.everything), (.statefulSets, parts), (.pods, parts), (.services, parts),
        (.disruptionBudgets, .everything), (.clusters, .everything),
      ] {
        group.addTask { await follow(resource, labels) }
      }
      for _ in 0..<settings.workers { group.addTask { await work() } }
      // Nobody's ConfigMaps and Secrets are looked at before a cluster is connected to one.
      group.addTask {
        await withDiscardingTaskGroup { followers in
          for await resource in world.connectedKinds where settings.follows(resource) {
            let label = resource == .secrets ? Wire.Label.secretType : Wire.Label.configMapType
            followers.addTask { await follow(resource, LabelSelector(equals: [:], exists: [label])) }
          }
          followers.cancelAll()
        }
      }
      // Workers wait for names; nobody else will wake them once the task is cancelled.
      group.addTask {
        try? await Task.sleep(until: .now.advanced(by: .seconds(1 << 30)), clock: ContinuousClock())
        await queue.close()
      }
    }
  }

  private func follow(_ resource: Resource, _ labels: LabelSelector) async {
    try? await api.follow(
      resource, labels: labels, clock: clock,
      onFailure: { error in
        // Budgets are the one kind that a server may do without. One that has only just begun may not know the
        // others yet, and that nothing is there must not be concluded from that.
        if error.kind == .unsupported, resource == .disruptionBudgets {
          await world.lacks(resource)
        } else {
          logger.warning("watch.failed", metadata: ["kind": "\(resource.kind)", "error": "\(error)"])
        }
      }
    ) { change in
      await queue.add(await world.take(change, of: resource))
    }
  }

  private func work() async {
    while let name = await queue.next() {
      var failure: APIError?
      do { try await reconcile(name) } catch { failure = error }
      // The object is gone: the next look sees it.
      let failed = failure.map { $0.kind != .notFound } ?? false
      let wait = await queue.done(name, failed: failed)
      // What passes by itself, such as that someone was faster, is told only where it does not pass.
      if let failure, !failure.isTransient || wait.map({ $0 >= Self.tellingWait }) ?? false {
        logger.warning("step.failed", metadata: ["cluster": "\(name)", "error": "\(failure)"])
        if let cluster = await world.picture(name)?.cluster {
          hands.announcer?.announce(
            Announcement(
              about: cluster.reference, isWarning: true, reason: "StepFailed", message: failure.message))
        }
      }
      if let wait { await lookAgain(name, after: wait) }
    }
  }

  /// Reached after six failures in a row.
  private static let tellingWait = Duration.milliseconds(1600)

  /// Looks at a cluster again after a while, unless that is going to happen anyway.
  func lookAgain(_ name: ObjectName, after wait: Duration) async {
    guard let alarm = await queue.schedule(name, after: wait) else { return }
    jobs.start {
      guard (try? await clock.sleep(for: wait)) != nil else { return }
      await queue.ring(name, alarm)
    }
  }
}
