import ClusterAPI
import KubeDirector
import Logging
import Upgrade
import Values

/// Watches the clusters and moves each one step by step to its desired state.
///
/// Keeps no essential state: everything needed to continue after a crash is in the objects.
public struct Engine: Sendable {
  public struct Settings: Sendable {
    /// The namespace of the apps of the catalog `system`.
    public var systemNamespace: String
    public var clusterDomain: String
    /// In seconds; 0 for no limit.
    public var scriptTimeout: Int
    /// In seconds; nil for none.
    public var progressDeadline: Int?
    /// The name of this installation. Clusters that another installation owns are ignored; nil for no such check.
    public var installation: String?
    /// Whether the engine manages the clusters of a namespace.
    public var isTenant: @Sendable (_ namespace: String) -> Bool
    /// The administrator's limits on the fields of a spec that are applied to pods and services.
    public var tenancy: Tenancy
    /// The administrator's defaults for fields that a spec leaves out.
    public var pods: PodDefaults
    /// The `configcli` of members whose image has none.
    public var configcli: ConfigCLI
    /// The number of clusters that are reconciled in parallel.
    public var workers: Int

    public init(
      systemNamespace: String = "kdops-system", clusterDomain: String = PodDefaults.standardClusterDomain,
      scriptTimeout: Int = 600,
      progressDeadline: Int? = nil, installation: String? = nil,
      isTenant: @escaping @Sendable (_ namespace: String) -> Bool = { _ in true },
      tenancy: Tenancy = Tenancy(), pods: PodDefaults = PodDefaults(),
      configcli: ConfigCLI = .own, workers: Int = 4
    ) {
      self.systemNamespace = systemNamespace
      self.clusterDomain = clusterDomain
      self.scriptTimeout = scriptTimeout
      self.progressDeadline = progressDeadline
      self.installation = installation
      self.isTenant = isTenant
      self.tenancy = tenancy
      self.pods = pods
      self.configcli = configcli
      self.workers = workers
    }

    /// Whether objects of a connected kind are watched. Secrets are not if no cluster may use one.
    func follows(_ connected: Resource) -> Bool { connected != .secrets || tenancy.secretPrefix != .none }
  }

  let api: any ClusterAPI
  let settings: Settings
  let stamp: Stamp
  let logger: Logger
  let clock: any Clock<Duration>
  let now: @Sendable () -> Int
  let cache: ClusterCache
  let executor: ActionExecutor
  let queue = WorkQueue()
  let jobs = Jobs()

  /// Creates an engine.
  ///
  /// - Parameters:
  ///   - stamp: verifies that a spec was applied from git; the engine acts on no other spec.
  ///   - eventRecorder: records events for users; the caller runs it.
  ///   - now: the wall clock, in whole seconds since 1970.
  public init(
    api: any ClusterAPI, settings: Settings = Settings(), stamp: Stamp, logger: Logger,
    clock: any Clock<Duration>,
    eventRecorder: EventRecorder? = nil, now: @escaping @Sendable () -> Int
  ) {
    self.api = api
    self.settings = settings
    self.stamp = stamp
    self.logger = logger
    self.clock = clock
    self.now = now
    cache = ClusterCache(
      systemNamespace: settings.systemNamespace, installation: settings.installation, stamp: stamp,
      isTenant: settings.isTenant, now: now)
    executor = ActionExecutor(
      api: api, cache: cache, settings: settings, logger: logger, eventRecorder: eventRecorder)
  }

  /// Runs until the task is cancelled. Scripts that run at that moment continue, and the next engine resumes waiting
  /// for them.
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
      // ConfigMaps and Secrets are not watched before a cluster is connected to one.
      group.addTask {
        await withDiscardingTaskGroup { followers in
          for await resource in cache.connectedKinds where settings.follows(resource) {
            let label = resource == .secrets ? Wire.Label.secretType : Wire.Label.configMapType
            followers.addTask { await follow(resource, LabelSelector(equals: [:], exists: [label])) }
          }
          followers.cancelAll()
        }
      }
      // Workers wait for names. Cancelling the task does not wake them; closing the queue does.
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
        // Budgets are the only kind that a server may lack. A server that has just started may not serve the other
        // kinds yet, which does not mean that no such objects exist.
        if error.kind == .unsupported, resource == .disruptionBudgets {
          await cache.lacksBudgets()
        } else {
          logger.warning("watch.failed", metadata: ["kind": "\(resource.kind)", "error": "\(error)"])
        }
      }
    ) { change in
      await queue.add(await cache.take(change, of: resource))
    }
  }

  private func work() async {
    while let name = await queue.next() {
      var failure: APIError?
      do { try await reconcile(name) } catch { failure = error }
      // The object is gone, as the next pass will find.
      let failed = failure.map { $0.kind != .notFound } ?? false
      let wait = await queue.done(name, failed: failed)
      // A transient error, such as a write conflict, is reported only if it persists.
      if let failure, !failure.isTransient || wait.map({ $0 >= Self.reportedWait }) ?? false {
        logger.warning("step.failed", metadata: ["cluster": "\(name)", "error": "\(failure)"])
        if let cluster = await cache.snapshot(name)?.cluster.object {
          executor.eventRecorder?.announce(
            RecordedEvent(
              about: cluster.reference, isWarning: true, reason: "StepFailed", message: failure.message))
        }
      }
      if let wait { await enqueue(name, after: wait) }
    }
  }

  /// The delay from which a transient error is reported; reached after six consecutive failures.
  private static let reportedWait = Duration.milliseconds(1600)

  /// Enqueues a cluster again after this time, unless it will be enqueued earlier anyway.
  func enqueue(_ name: ObjectName, after wait: Duration) async {
    guard let timer = await queue.schedule(name, after: wait) else { return }
    jobs.start {
      guard (try? await clock.sleep(for: wait)) != nil else { return }
      await queue.fire(name, timer)
    }
  }
}
