import ClusterAPI
import Diagnostics
import GitStore
import KubeDirector
import Layout
import Logging
import Rules
import Signatures
import StatusWriter
import Values

/// Walks a commit through the house: fetches, looks at what changed, judges it, applies what is accepted, and tells
/// what became of it.
///
/// Remembers nothing that matters: what was applied is noted on each object, so any daemon on any machine reaches the
/// same verdicts from git and the cluster alone.
public actor Reconciler {
  public struct Settings: Sendable {
    public var branch: String
    public var policy: Policy
    /// Between two fetches.
    public var interval: Duration
    /// Whether a branch that no longer contains the commit worked off last is followed.
    public var acceptsRewrittenHistory: Bool
    public var history: History
    /// Whether of what one commit changes all is applied or nothing.
    public var isAtomic: Bool
    /// Whether a stalled upgrade is taken back where a later app waits behind it.
    public var fixesForward: Bool
    /// Between two full looks at what lives, beside the watches.
    public var compareInterval: Duration
    /// Whether, and when, a stalled upgrade is taken back by a commit of our own; nil where people do that.
    public var takingBack: TakingBack?
    /// Which commits have to be signed.
    public var verify = SignaturePolicy.Mode.none
    /// Looks at signatures; nil where none is asked for.
    public var checker: (any SignatureChecker)?
    /// Where the keys of those who may sign are, for people.
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

  /// Who is told what. Called in the order of things, one at a time.
  public struct Outlets: Sendable {
    /// What became of a commit so far.
    public var commit: @Sendable (CommitReport) async -> Void
    /// A cluster of ours as it is now; nil status where the engine has not looked at it yet, and nil for a cluster
    /// that is gone. With it the roles that have left a running upgrade no way back.
    public var cluster:
      @Sendable (ObjectReference, ClusterStatus?, _ noWayBack: Set<String>, ObjectReport?) async -> Void
    public var clusterGone: @Sendable (ObjectReference) async -> Void
    /// What was last written of a commit, by this daemon or an earlier one; nil where that is nothing.
    public var said: @Sendable (ObjectID) async -> CommitReport?
    /// A new head is worked off: where its files are.
    public var head: @Sendable (RepositoryLayout, ObjectID, GitRepository) async -> Void
    /// An object that somebody edited is again as its file, at this path, says.
    public var putBack: @Sendable (Object, _ path: String) async -> Void
    /// A cluster's stalled upgrade was taken back by this commit of ours.
    public var tookBack: @Sendable (Object, ObjectID) async -> Void
    /// All that is held now; false where that could not be told, and is to be told again.
    public var held: @Sendable (HeldChanges) async -> Bool
    /// What the cluster keeps of which commit was worked off last, by this daemon or an earlier one.
    public var worked: @Sendable () async throws(APIError) -> WorkedRecord.Reading
    /// Has the cluster keep which commit was worked off.
    public var keepWorked: @Sendable (ObjectID) async throws(APIError) -> Void
    /// A fetch has ended; with why it failed.
    public var fetched: @Sendable (GitError?) async -> Void

    public init(
      commit: @escaping @Sendable (CommitReport) async -> Void = { _ in },
      cluster:
        @escaping @Sendable (ObjectReference, ClusterStatus?, Set<String>, ObjectReport?) async -> Void = {
          _, _, _, _ in
        },
      clusterGone: @escaping @Sendable (ObjectReference) async -> Void = { _ in },
      said: @escaping @Sendable (ObjectID) async -> CommitReport? = { _ in nil },
      head: @escaping @Sendable (RepositoryLayout, ObjectID, GitRepository) async -> Void = { _, _, _ in },
      putBack: @escaping @Sendable (Object, _ path: String) async -> Void = { _, _ in },
      tookBack: @escaping @Sendable (Object, ObjectID) async -> Void = { _, _ in },
      held: @escaping @Sendable (HeldChanges) async -> Bool = { _ in true },
      worked: @escaping @Sendable () async throws(APIError) -> WorkedRecord.Reading = { .none },
      keepWorked: @escaping @Sendable (ObjectID) async throws(APIError) -> Void = { _ in },
      fetched: @escaping @Sendable (GitError?) async -> Void = { _ in }
    ) {
      self.commit = commit
      self.cluster = cluster
      self.clusterGone = clusterGone
      self.said = said
      self.head = head
      self.putBack = putBack
      self.tookBack = tookBack
      self.held = held
      self.worked = worked
      self.keepWorked = keepWorked
      self.fetched = fetched
    }
  }

  let mirror: Mirror
  let api: any ClusterAPI
  let settings: Settings
  let outlets: Outlets
  let stamp: Stamp
  let logger: Logger
  let clock: any Clock<Duration>
  let applier: Applier

  var desired = Desired()
  var living: Living
  var book = CommitBook()
  var held = Holds()
  /// Files that cannot be read, with the commits that brought them.
  var brokenFiles: [ExactString: ObjectID] = [:]
  /// The commits that are taken in one after another; nil where they are taken together.
  var walk: Walk?
  /// How many objects were judged so far.
  var judgements = 0
  var subjects: [ObjectID: String] = [:]

  /// The branch's head as it was fetched last.
  var fetched: ObjectID?
  /// How far the branch is followed; the head that was fetched, unless signatures are asked for.
  var goal: ObjectID?
  /// What was found of the head's signatures.
  var trust: Trust?
  /// Signatures are to be looked at once more.
  var isTrustDue = false
  /// The commits of which it was said that they are held.
  var heldCommits: Set<ObjectID> = []
  /// The clusters that they would change.
  var heldClusters: Set<ObjectReference> = []
  /// The clusters that do not get on.
  var stalled: Set<ObjectReference> = []
  /// What became of taking upgrades back.
  var takenBack: [ObjectReference: TakenBack] = [:]
  /// When the next round is due though nothing happens.
  private var nextLook: Duration?
  /// A head that is not followed, because its history was rewritten or its `.kdops.yaml` cannot be read.
  var refused: ObjectID?
  /// A head of which it was said that it cannot be read.
  var unreadable: ObjectID?
  /// The head because of which our copy was looked through for damage.
  var restoredAt: ObjectID?
  /// What is wrong with the refs of notes and statuses.
  var refProblems: [RefProblem] = []
  /// The commit that was worked off last, as the cluster keeps it; nil where it keeps none that counts.
  var recorded: ObjectID?
  /// What the cluster keeps has been looked up.
  var isRecordRead = false
  /// It was said that the cluster does not let us read or write it.
  var isRecordRefused = false
  /// A head of which it was said that its history is another one.
  var rewritten: ObjectID?
  /// What was last told of all that is held.
  var heldTold: HeldChanges?
  var toJudge = Changes()
  /// What changed since the objects in hand were judged, with the apps that it was concerned with until then; nil while
  /// none are in hand.
  var meanwhile: [ObjectReference: Set<String>]?
  /// What we know of each live object from when it was last as we applied it.
  var vouched: [ObjectReference: Vouched] = [:]
  /// Live objects that are not as we applied them.
  var drifted: Set<ObjectReference> = []
  /// Live objects that we tried in vain to put back.
  var resisting: [ObjectReference: Resistance] = [:]
  /// The head at which an administrator has said that what was held back may happen.
  var confirmed: ObjectID?
  /// The clusters whose deletion was confirmed at an earlier head, and has still to happen.
  var allowed: Set<ObjectReference> = []
  /// What was confirmed to an earlier daemon has been looked up.
  var isConfirmationRead = false
  /// Live objects that changed since they were last told of.
  var seen: Set<ObjectReference> = []
  /// Which commit brought what is to be judged.
  var commitOf: [ObjectReference: ObjectID] = [:]
  /// What is taken in meanwhile is worked off by the next round.
  var isInRound = false
  /// Something failed that is tried again soon.
  var isRetrying = false
  private var retrial = Retrial()
  /// What the cluster refuses until an administrator allows it, or makes what is missing.
  var barred: Set<ObjectReference> = []
  private var barredRetrial = Retrial()
  private var fetchFailures = 0
  private var fetchGeneration = 0
  /// Somebody asked for a full look at what lives.
  var isCompareDue = false
  private(set) var isFlushScheduled = false
  /// A fetch has added to our copy of the repository since it was looked after last.
  private var isUntidy = false
  /// The last failure to fetch, in words; nil while all is well.
  public internal(set) var problem: GitError?

  private let rounds: AsyncStream<Void>
  private let roundNeeded: AsyncStream<Void>.Continuation
  private let fetches: AsyncStream<Void>
  private let fetchNeeded: AsyncStream<Void>.Continuation

  public init(
    mirror: Mirror, api: any ClusterAPI, settings: Settings, stamp: Stamp, outlets: Outlets, logger: Logger,
    clock: any Clock<Duration>
  ) {
    self.mirror = mirror
    self.api = api
    self.settings = settings
    self.outlets = outlets
    self.stamp = stamp
    self.logger = logger
    self.clock = clock
    applier = Applier(api: api, installation: settings.policy.installation, stamp: stamp)
    living = Living(installation: settings.policy.installation)
    (rounds, roundNeeded) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    (fetches, fetchNeeded) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  /// Works until the task is cancelled.
  ///
  /// - Parameter once: ends as soon as there is nothing left that goes on by itself.
  @discardableResult
  public func run(once: Bool = false) async -> Outcome {
    fetchNeeded.yield()
    let outcome = await work(once: once)
    // The last word of a daemon that stops: what it has seen and not yet told.
    if living.isComplete { await tellOfClusters() }
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
          await self.keepComparing()
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

  /// Fetches now instead of at the next interval, and looks at all that lives.
  public func sync() {
    isCompareDue = true
    fetchNeeded.yield()
  }

  func look() { roundNeeded.yield() }

  /// Asks for a round after a while, whatever happens.
  func lookAgain(after wait: Duration) { nextLook = min(nextLook ?? wait, wait) }

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

  /// - Returns: when to fetch again.
  private func fetch() async -> Duration {
    do throws(GitError) {
      let result = try await mirror.fetch(settings.branch)
      if fetchFailures > 0 { logger.info("git.reachable", metadata: ["after": "\(fetchFailures) failures"]) }
      fetchFailures = 0
      problem = nil
      takeRefProblems(result.problems)
      if fetched != result.new { isUntidy = true }
      fetched = result.new
      isTrustDue = isTrustDue || trust?.withheld != nil
      look()
      await outlets.fetched(nil)
      return settings.interval
    } catch {
      problem = error
      await outlets.fetched(error)
      let wait = Backoff().delay(attempt: fetchFailures)
      fetchFailures += 1
      logger.warning(
        "git.fetch.failed",
        metadata: ["error": "\(error)", "kind": "\(error.kind.rawValue)", "retry": "\(wait.inWords)"])
      return wait
    }
  }

  /// Fetches at once, within a round.
  func fetchNow() async { _ = await fetch() }

  private func take(_ change: FollowedChange, of resource: Resource) {
    let before = apps(before: change)
    for reference in living.take(change, of: resource) { touch(reference, before: before[reference] ?? []) }
    look()
  }

  private func keepWorking(once: Bool) async -> Outcome? {
    look()
    return await withDiscardingTaskGroup { timers in
      for await _ in rounds {
        await round()
        await tidy()
        if once, isSettled {
          await flush()
          return outcome
        }
        // Whoever waits for the end of this run is told; a daemon that stays tries again.
        if once, let problem, !problem.isTransient {
          await flush()
          return .unreachable(problem)
        }
        if let (number, wait) = retrial.next(isRetrying) {
          later(wait, &timers) { await self.retry(number) }
        }
        isRetrying = false
        if let (number, wait) = barredRetrial.next(!barred.isEmpty) {
          later(wait, &timers) { await self.retryBarred(number) }
        }
        if let wait = nextLook {
          nextLook = nil
          later(wait, &timers) { await self.look() }
        }
        if !book.dirty.isSubset(of: unheard), !isFlushScheduled {
          await flush()
          isFlushScheduled = true
          later(.milliseconds(500), &timers) { await self.flushDue() }
        }
      }
      return nil
    }
  }

  /// Keeps our copy of the repository in few packs. Between two rounds, because nobody may read it meanwhile.
  private func tidy() async {
    guard isUntidy else { return }
    isUntidy = false
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
    retrial.begin(number)
    look()
  }

  private func retryBarred(_ number: Int) {
    barredRetrial.begin(number)
    toJudge.objects.formUnion(barred)
    look()
  }

  private func flushDue() {
    isFlushScheduled = false
    look()
  }

  private func flush() async {
    for report in book.takeReports(except: unheard) { await outlets.commit(report) }
  }

  /// The commits of which an object has still to be judged.
  private var unheard: Set<ObjectID> {
    Set(
      toJudge.objects.compactMap { object in
        commitOf[object].flatMap { book.says(object, of: $0) ? nil : $0 }
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
