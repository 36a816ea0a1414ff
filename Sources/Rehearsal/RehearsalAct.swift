import ClusterAPI
import Daemon
import Diagnostics
import EmbeddedCluster
import FoundationEssentials
import GitStore
import KubeDirector
import Logging
import Reports
import Rules
import Values
import Views

/// One act of a rehearsal: clusters in their original state, then the change to the target state and, if
/// requested, a rollback from the middle. Each act has its own embedded cluster.
public struct RehearsalAct: Sendable {
  public enum Kind: String, Sendable, Hashable {
    /// Runs the change to its end.
    case forward
    /// Runs the change to the middle, and rolls it back.
    case back
  }

  /// The direction of the act.
  public var kind: Kind
  var subjects: [RehearsalSubject]
  /// The settings and images at the commits of the original state and of the target state.
  var origin: RehearsalImages
  var goal: RehearsalImages

  /// The environment that the caller provides.
  public struct Environment: Sendable {
    var folder: String
    var sandbox: SandboxMode
    var limit: Duration
    var console: Console
    var logger: Logger
    var report: @Sendable (Timeline.Entry) -> Void

    /// - Parameters:
    ///   - folder: A folder for this act only.
    ///   - limit: The time limit of each step.
    ///   - report: Called with each entry as it ends.
    public init(
      folder: String, sandbox: SandboxMode, limit: Duration, console: Console, logger: Logger,
      report: @escaping @Sendable (Timeline.Entry) -> Void
    ) {
      (self.folder, self.sandbox, self.limit) = (folder, sandbox, limit)
      (self.console, self.logger, self.report) = (console, logger, report)
    }
  }

  /// Runs the act to its end.
  ///
  /// - Throws: An error if the act could not be run. Failures within it are in the report.
  public func play(_ environment: Environment) async throws -> ActReport {
    let clock = ContinuousClock()
    let begun = clock.now
    let repository = try await RehearsalRepository.make(in: environment.folder)
    let beginning = try await commit(false, "Original state", to: repository)
    let now: @Sendable () -> Int = { Int(Date().timeIntervalSince1970) }
    let board = ProgressBoard(console: environment.console, clock: clock, now: now)
    let watch = DaemonWatch()
    let limits = SandboxLimits()
    let backend = try await Backend.embedded(
      "\(environment.folder)/cluster", environment.sandbox, limits: limits,
      cgroups: ScriptCgroups.prepared(for: limits, environment.logger), logger: environment.logger)
    for app in RehearsalFiles.systemApps(subjects) {
      _ = try await backend.api.create(Object(RehearsalFiles.object(app)))
    }
    var options = Daemon.Options(
      remote: try Remote(GitURL(repository.path)), folder: "\(environment.folder)/cluster")
    options.reconciler.interval = .seconds(1)
    options.policy.tenancy = .unlimited
    let daemon = try await Daemon.open(
      options, on: backend, logger: environment.logger,
      observers: [watch.commitObserver])
    let recorder = TimelineRecorder(report: environment.report)
    let play = RehearsalPlay(
      act: self, repository: repository, daemon: daemon, watch: watch, recorder: recorder,
      limit: environment.limit)
    var report = ActReport(kind: kind, clusters: subjects.map(\.cluster))
    report.failures = try await withThrowingTaskGroup(of: [RehearsalFailure]?.self) { group in
      group.addTask {
        _ = try await daemon.run(view: BackgroundService("progress") { await board.run() })
        return nil
      }
      group.addTask {
        try await backend.api.follow(.clusters, clock: clock) { change in
          let at = begun.duration(to: clock.now)
          for (reference, status) in change.statuses {
            if let status { await recorder.note(reference, status, at: at) }
            await board.cluster(reference, status, path: nil)
            await watch.cluster(reference, status)
          }
        }
        return nil
      }
      group.addTask { try await play.run(beginning) }
      defer { group.cancelAll() }
      while let ended = try await group.next() {
        if let failures = ended { return failures }
        try Task.checkCancellation()
        throw RehearsalError("the embedded cluster ended before the rehearsal did")
      }
      return []
    }
    report.took = begun.duration(to: clock.now)
    report.entries = await recorder.timeline.entries
    return report
  }

  /// Commits the clusters in their original state or in their target state.
  func commit(_ isGoal: Bool, _ message: String, to repository: RehearsalRepository) async throws -> String {
    try await repository.commit(
      RehearsalFiles.objects(subjects, isGoal: isGoal), isGoal ? goal : origin, message: message,
      now: Int64(Date().timeIntervalSince1970))
  }
}

extension FollowedChange {
  /// The cluster statuses in the change; the status is nil if the cluster has none.
  fileprivate var statuses: [(ObjectReference, ClusterStatus?)] {
    let objects: [Object] =
      switch self {
      case .all(let all, _): all
      case .changed(let object): [object]
      case .removed: []
      }
    return objects.map {
      (.cluster($0.namespace, $0.name), ClusterStatus($0.json["status"]))
    }
  }
}

/// Keeps the timeline, and reports each entry as it ends.
actor TimelineRecorder {
  private(set) var timeline = Timeline()
  private let report: @Sendable (Timeline.Entry) -> Void

  init(report: @escaping @Sendable (Timeline.Entry) -> Void) { self.report = report }

  func note(_ cluster: ObjectReference, _ status: ClusterStatus, at now: Duration) {
    for entry in timeline.note(cluster, status, at: now) { report(entry) }
  }
}
