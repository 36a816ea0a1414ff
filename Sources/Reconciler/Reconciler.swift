import ClusterAPI
import DesiredState
import Diagnostics
import GitStore
import KubeDirector
import Logging
import Reports
import Rules
import Signatures
import Values

/// Reconciles one cluster with one branch: fetches, judges what changed, applies what is accepted, and reports the
/// result.
///
/// It keeps no state that is needed after a restart: the provenance is stored on each object, so any daemon on any
/// machine reaches the same verdicts from git and the cluster alone.
public actor Reconciler {
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
    /// Where the keys of the allowed signers are, as shown to people.
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

  /// The subscribers of the reconciler. They are called in the order of events, one at a time.
  public struct Delegate: Sendable {
    /// Receives the status report of a commit.
    public var commit: @Sendable (CommitReport) async -> Void
    /// Receives the present state of a cluster of this installation; the status is nil if the engine has not observed
    /// the cluster yet. Also receives the roles of a running upgrade that have passed their point of no return.
    public var cluster:
      @Sendable (ObjectReference, ClusterStatus?, _ noWayBack: Set<String>, ObjectReport?) async -> Void
    public var clusterGone: @Sendable (ObjectReference) async -> Void
    /// Returns the last written report of a commit, by this daemon or an earlier one; nil if there is none.
    public var lastReport: @Sendable (ObjectID) async -> CommitReport?
    /// Called when a new head is reconciled, with the layout of its files.
    public var head: @Sendable (RepositoryLayout, ObjectID, GitRepository) async -> Void
    /// Called when drift was corrected: the object matches its file, at this path, again.
    public var driftCorrected: @Sendable (Object, _ path: String) async -> Void
    /// Called when a commit of the daemon has reverted a cluster's stalled upgrade.
    public var reverted: @Sendable (Object, ObjectID) async -> Void
    /// Receives all blocked changes; returns false if they could not be reported and must be reported again.
    public var blocked: @Sendable (BlockedChangeList) async -> Bool
    /// Reads the last attempted revision that the cluster stores, of this daemon or an earlier one.
    public var lastAttempted: @Sendable () async throws(APIError) -> LastAttemptedRevision.Reading
    /// Stores the last attempted revision in the cluster.
    public var storeLastAttempted: @Sendable (ObjectID) async throws(APIError) -> Void
    /// Called when a fetch has ended, with the error if it failed.
    public var fetched: @Sendable (GitError?) async -> Void

    public init(
      commit: @escaping @Sendable (CommitReport) async -> Void = { _ in },
      cluster:
        @escaping @Sendable (ObjectReference, ClusterStatus?, Set<String>, ObjectReport?) async -> Void = {
          _, _, _, _ in
        },
      clusterGone: @escaping @Sendable (ObjectReference) async -> Void = { _ in },
      lastReport: @escaping @Sendable (ObjectID) async -> CommitReport? = { _ in nil },
      head: @escaping @Sendable (RepositoryLayout, ObjectID, GitRepository) async -> Void = { _, _, _ in },
      driftCorrected: @escaping @Sendable (Object, _ path: String) async -> Void = { _, _ in },
      reverted: @escaping @Sendable (Object, ObjectID) async -> Void = { _, _ in },
      blocked: @escaping @Sendable (BlockedChangeList) async -> Bool = { _ in true },
      lastAttempted: @escaping @Sendable () async throws(APIError) -> LastAttemptedRevision.Reading = {
        .none
      },
      storeLastAttempted: @escaping @Sendable (ObjectID) async throws(APIError) -> Void = { _ in },
      fetched: @escaping @Sendable (GitError?) async -> Void = { _ in }
    ) {
      self.commit = commit
      self.cluster = cluster
      self.clusterGone = clusterGone
      self.lastReport = lastReport
      self.head = head
      self.driftCorrected = driftCorrected
      self.reverted = reverted
      self.blocked = blocked
      self.lastAttempted = lastAttempted
      self.storeLastAttempted = storeLastAttempted
      self.fetched = fetched
    }
  }

  let mirror: Mirror
  let api: any ClusterAPI
  let settings: Settings
  let delegate: Delegate
  let stamp: Stamp
  let logger: Logger
  let clock: any Clock<Duration>
  let applier: Applier

  var desired = DesiredState()
  var liveState: LiveState
  var ledger = CommitLedger()
  var blocked = BlockedObjects()
  /// Files that cannot be read, with the commits that brought them.
  var brokenFiles: [ExactString: ObjectID] = [:]
  /// The commits that are applied one after another; nil if they are applied together.
  var stepwise: StepwiseHistory?
  /// The number of objects judged so far.
  var judgements = 0
  var subjects: [ObjectID: String] = [:]

  /// The branch's head as it was fetched last.
  var fetched: ObjectID?
  /// The commit up to which the branch is followed; the fetched head, unless signatures are required.
  var goal: ObjectID?
  /// The result of the signature check of the head.
  var signatureGate: SignatureGate?
  /// True if signatures must be verified again.
  var isSignatureCheckDue = false
  /// The commits that were reported as blocked.
  var blockedCommits: Set<ObjectID> = []
  /// The clusters that those commits would change.
  var blockedClusters: Set<ObjectReference> = []
  /// The clusters whose upgrade has stalled.
  var stalled: Set<ObjectReference> = []
  /// The results of automatic reverts.
  var autoReverts: [ObjectReference: AutoRevertResult] = [:]
  /// The delay until the next reconcile pass, even if nothing happens.
  private var nextLook: Duration?
  /// A head that is not followed, because its history was rewritten or its `.kdops.yaml` cannot be read.
  var refused: ObjectID?
  /// A head that was reported as unreadable.
  var unreadable: ObjectID?
  /// The head for which the local repository was checked for damage.
  var restoredAt: ObjectID?
  /// Problems with the refs of notes and statuses.
  var refProblems: [RefProblem] = []
  /// The last attempted revision as the cluster stores it; nil if it stores no valid one.
  var recorded: ObjectID?
  /// True once the revision stored in the cluster was read.
  var isRecordRead = false
  /// True once it was reported that the cluster forbids access to the stored revision.
  var isRecordRefused = false
  /// A head that was reported as having rewritten history.
  var rewritten: ObjectID?
  /// The blocked changes that were reported last.
  var reportedBlockedChanges: BlockedChangeList?
  var toJudge = Changes()
  /// The objects that changed since the judgement in progress began, with the apps that they referred to before; nil if
  /// no judgement is in progress.
  var meanwhile: [ObjectReference: Set<String>]?
  /// Each live object as it was when it last matched what was applied.
  var lastApplied: [ObjectReference: LastApplied] = [:]
  /// Live objects that differ from what was applied.
  var drifted: Set<ObjectReference> = []
  /// Drift conflicts: live objects whose drift could not be corrected.
  var driftConflicts: [ObjectReference: DriftConflict] = [:]
  /// The head that an administrator has approved.
  var approvedHead: ObjectID?
  /// The clusters whose deletion was approved at an earlier head and has not happened yet.
  var allowed: Set<ObjectReference> = []
  /// True once the approval that an earlier daemon stored was read.
  var isApprovalRead = false
  /// Live objects that changed since they were last reported.
  var dirtyClusters: Set<ObjectReference> = []
  /// The commit that brought each object to judge.
  var commitOf: [ObjectReference: ObjectID] = [:]
  var fileSearches = FileSearches()
  /// True during a reconcile pass; changes observed in the meantime are handled by the next pass.
  var isInPass = false
  /// True if something failed and is retried soon.
  var isRetrying = false
  private var retryBackoff = RetryBackoff()
  /// Objects that the cluster refuses until an administrator grants a permission or creates what is missing.
  var forbidden: Set<ObjectReference> = []
  private var forbiddenBackoff = RetryBackoff()
  /// Clusters that cannot be adopted as long as another operator's objects are there.
  var unadoptable: Set<ObjectReference> = []
  private var adoptionBackoff = RetryBackoff(longest: .seconds(600))
  private var fetchFailures = 0
  private var fetchGeneration = 0
  /// True if a resync was requested.
  var isResyncDue = false
  private(set) var isFlushScheduled = false
  /// True if a fetch has added objects to the local repository since it was compacted last.
  private var needsCompaction = false
  /// The error of the last fetch; nil if it succeeded.
  public internal(set) var problem: GitError?

  private let passes: AsyncStream<Void>
  private let passRequests: AsyncStream<Void>.Continuation
  private let fetches: AsyncStream<Void>
  private let fetchNeeded: AsyncStream<Void>.Continuation

  public init(
    mirror: Mirror, api: any ClusterAPI, settings: Settings, stamp: Stamp, delegate: Delegate, logger: Logger,
    clock: any Clock<Duration>
  ) {
    self.mirror = mirror
    self.api = api
    self.settings = settings
    self.delegate = delegate
    self.stamp = stamp
    self.logger = logger
    self.clock = clock
    applier = Applier(api: api, installation: settings.policy.installation, stamp: stamp)
    liveState = LiveState(installation: settings.policy.installation)
    (passes, passRequests) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    (fetches, fetchNeeded) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  /// Reconciles until the task is cancelled.
  ///
  /// - Parameter once: returns as soon as nothing is left that continues by itself.
  @discardableResult
  public func run(once: Bool = false) async -> Outcome {
    fetchNeeded.yield()
    let outcome = await work(once: once)
    // The last reports of a daemon that stops: observed changes that are not reported yet.
    if liveState.isComplete { await reportClusters() }
    await flush()
    return outcome
  }

  private func work(once: Bool) async -> Outcome {
    await withTaskGroup(of: Outcome?.self) { group in
      for resource in [Resource.apps, .clusters] {
        group.addTask {
          try? await self.api.follow(
            resource, clock: self.clock,
            onFailure: { error in
              self.logger.warning(
                "watch.failed", metadata: ["kind": "\(resource.kind)", "error": "\(error)"])
            }
          ) { await self.take($0, of: resource) }
          return nil
        }
      }
      if !once {
        group.addTask {
          await self.resyncPeriodically()
          return nil
        }
      }
      group.addTask { await self.keepFetching(once: once) }
      group.addTask { await self.keepWorking(once: once) }
      var outcome: Outcome = .cancelled
      for await result in group {
        guard let result else { continue }
        outcome = result
        break
      }
      group.cancelAll()
      return outcome
    }
  }

  /// Fetches now instead of at the next interval, and resyncs.
  public func sync() {
    isResyncDue = true
    fetchNeeded.yield()
  }

  func enqueue() { passRequests.yield() }

  /// Requests a reconcile pass after a delay, whatever else happens.
  func enqueue(after wait: Duration) { nextLook = min(nextLook ?? wait, wait) }

  private func keepFetching(once: Bool) async -> Outcome? {
    await withDiscardingTaskGroup { timers in
      for await _ in fetches {
        let wait = await fetch()
        if once {
          timers.cancelAll()
          return problem.map(Outcome.unreachable)
        }
        fetchGeneration += 1
        let generation = fetchGeneration
        timers.addTask {
          guard (try? await self.clock.sleep(for: wait)) != nil else { return }
          await self.fetchAgain(generation)
        }
      }
      timers.cancelAll()
      return nil
    }
  }

  private func fetchAgain(_ generation: Int) {
    if generation == fetchGeneration { fetchNeeded.yield() }
  }

  /// Fetches the branch.
  ///
  /// - Returns: the time until the next fetch.
  private func fetch() async -> Duration {
    do throws(GitError) {
      let result = try await mirror.fetch(settings.branch)
      if fetchFailures > 0 { logger.info("git.reachable", metadata: ["after": "\(fetchFailures) failures"]) }
      fetchFailures = 0
      problem = nil
      takeRefProblems(result.problems)
      if fetched != result.new { needsCompaction = true }
      fetched = result.new
      isSignatureCheckDue = isSignatureCheckDue || signatureGate?.unverified != nil
      enqueue()
      await delegate.fetched(nil)
      return settings.interval
    } catch {
      problem = error
      await delegate.fetched(error)
      let wait = Backoff().delay(attempt: fetchFailures)
      fetchFailures += 1
      logger.warning(
        "git.fetch.failed",
        metadata: ["error": "\(error)", "kind": "\(error.kind.rawValue)", "retry": "\(wait.inWords)"])
      return wait
    }
  }

  /// Fetches at once, within a reconcile pass.
  func fetchNow() async { _ = await fetch() }

  private func take(_ change: FollowedChange, of resource: Resource) {
    let before = apps(before: change)
    for reference in liveState.take(change, of: resource) {
      touch(reference, before: before[reference] ?? [])
    }
    enqueue()
  }

  private func keepWorking(once: Bool) async -> Outcome? {
    enqueue()
    return await withDiscardingTaskGroup { timers in
      for await _ in passes {
        await reconcilePass()
        await compactMirror()
        if once, isSettled {
          await flush()
          return outcome
        }
        // A run with `once` reports the error and ends; a daemon that keeps running retries.
        if once, let problem, !problem.isTransient {
          await flush()
          return .unreachable(problem)
        }
        if let (number, wait) = retryBackoff.next(isRetrying) {
          later(wait, &timers) { await self.retry(number) }
        }
        isRetrying = false
        if let (number, wait) = forbiddenBackoff.next(!forbidden.isEmpty) {
          later(wait, &timers) { await self.retryForbidden(number) }
        }
        if let (number, wait) = adoptionBackoff.next(!unadoptable.isEmpty) {
          later(wait, &timers) { await self.retryAdoptions(number) }
        }
        if let wait = nextLook {
          nextLook = nil
          later(wait, &timers) { await self.enqueue() }
        }
        if !ledger.dirty.isSubset(of: unreported), !isFlushScheduled {
          await flush()
          isFlushScheduled = true
          later(.milliseconds(500), &timers) { await self.flushDue() }
        }
      }
      return nil
    }
  }

  /// Compacts the local repository into few packs. It runs between two passes, because nothing may read the repository
  /// at that time.
  private func compactMirror() async {
    guard needsCompaction else { return }
    needsCompaction = false
    do throws(GitError) {
      if try await mirror.compact() { logger.info("repository.compacted") }
    } catch {
      logger.warning("repository.compact.failed", metadata: ["error": "\(error)"])
    }
  }

  private func later(
    _ wait: Duration, _ timers: inout DiscardingTaskGroup, _ work: @escaping @Sendable () async -> Void
  ) {
    timers.addTask {
      guard (try? await self.clock.sleep(for: wait)) != nil else { return }
      await work()
    }
  }

  private func retry(_ number: Int) {
    retryBackoff.begin(number)
    enqueue()
  }

  private func retryForbidden(_ number: Int) {
    forbiddenBackoff.begin(number)
    toJudge.objects.formUnion(forbidden)
    enqueue()
  }

  private func retryAdoptions(_ number: Int) {
    adoptionBackoff.begin(number)
    toJudge.objects.formUnion(unadoptable)
    enqueue()
  }

  private func flushDue() {
    isFlushScheduled = false
    enqueue()
  }

  private func flush() async {
    for report in ledger.takeReports(except: unreported) { await delegate.commit(report) }
  }

  /// The commits with an object that is not judged yet.
  private var unreported: Set<ObjectID> {
    Set(
      toJudge.objects.compactMap { object in
        commitOf[object].flatMap { ledger.says(object, of: $0) ? nil : $0 }
      })
  }
}

extension Duration {
  /// `1.5s`, for logs.
  var inWords: String {
    let milliseconds = components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    return milliseconds % 1000 == 0 ? "\(milliseconds / 1000)s" : "\(Double(milliseconds) / 1000)s"
  }
}
