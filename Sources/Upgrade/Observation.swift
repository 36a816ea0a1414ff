import KubeDirector

/// Everything the machine looks at before it decides: one cluster as it is at this moment.
///
/// A plain value, gathered by the Controller. Nothing in it is remembered by the machine between two steps; what
/// must be remembered is in `status`.
public struct Observation: Sendable {
  public var cluster: Cluster
  /// False where someone other than the reconciler changed the spec: its changes then start nothing.
  public var isStamped: Bool
  public var status: ClusterStatus?
  /// The apps that the cluster may need, by name: the wanted one, the current one, the previous one.
  public var apps: [String: AppSpec]
  /// Their annotations.
  public var appAnnotations: [String: [String: String]]
  /// Where each of them was found.
  public var catalogs: [String: AppCatalog]
  /// The StatefulSets there are, by role id.
  public var sets: [String: SetObservation]
  /// The pods there are, by name.
  public var pods: [String: PodObservation]
  /// When a pod that is gone was seen to go, by name, in whole seconds since 1970. Known only of those that went
  /// before the eyes of this daemon.
  public var gone: [String: Int]
  /// What the hands are doing in pods, or have done since the last step, by pod name.
  public var work: [String: PodWork]
  /// The PodDisruptionBudgets that cover pods of the cluster.
  public var budgets: [BudgetObservation]
  /// Nil for a cluster that is not connected to anything, and never was.
  public var connections: ConnectionsObservation?
  public var headlessServiceExists: Bool
  /// The names of the members' services there are; nil where nobody looked.
  public var memberServices: Set<String>?
  /// Those of them that are not as they should be.
  public var outdatedServices: Set<String>
  /// Why the cluster's objects cannot be worked with: some were made by another operator.
  public var mismatches: [ShapeMismatch]
  /// In whole seconds since 1970.
  public var now: Int
  public var settings: Settings

  public struct Settings: Sendable, Hashable {
    /// After how many seconds without progress a step counts as stalled; nil for never.
    public var progressDeadline: Int?
    public var clusterDomain: String

    public init(progressDeadline: Int? = nil, clusterDomain: String = "cluster.local") {
      self.progressDeadline = progressDeadline
      self.clusterDomain = clusterDomain
    }
  }

  public init(
    cluster: Cluster, isStamped: Bool, status: ClusterStatus?, apps: [String: AppSpec],
    catalogs: [String: AppCatalog] = [:], appAnnotations: [String: [String: String]] = [:],
    sets: [String: SetObservation] = [:], pods: [String: PodObservation] = [:],
    gone: [String: Int] = [:], work: [String: PodWork] = [:],
    budgets: [BudgetObservation] = [], connections: ConnectionsObservation? = nil,
    headlessServiceExists: Bool = true, memberServices: Set<String>? = nil,
    outdatedServices: Set<String> = [], mismatches: [ShapeMismatch] = [], now: Int,
    settings: Settings = Settings()
  ) {
    self.cluster = cluster
    self.isStamped = isStamped
    self.status = status
    self.apps = apps
    self.catalogs = catalogs
    self.appAnnotations = appAnnotations
    self.sets = sets
    self.pods = pods
    self.gone = gone
    self.work = work
    self.budgets = budgets
    self.connections = connections
    self.headlessServiceExists = headlessServiceExists
    self.memberServices = memberServices
    self.outdatedServices = outdatedServices
    self.mismatches = mismatches
    self.now = now
    self.settings = settings
  }
}

/// A role's StatefulSet as it is.
public struct SetObservation: Sendable, Hashable {
  /// The image that we last wrote into the template: an admission webhook may have rewritten what stands there.
  public var image: String
  public var replicas: Int
  public var strategy: SetStrategy
  /// True once the set's controller has seen the spec that we see.
  public var isObserved: Bool
  public var currentRevision: String
  public var updateRevision: String

  public init(
    image: String, replicas: Int, strategy: SetStrategy, isObserved: Bool, currentRevision: String,
    updateRevision: String
  ) {
    self.image = image
    self.replicas = replicas
    self.strategy = strategy
    self.isObserved = isObserved
    self.currentRevision = currentRevision
    self.updateRevision = updateRevision
  }
}

/// A PodDisruptionBudget as it is. It binds neither DELETE nor a set's controller, so it is ours to heed.
public struct BudgetObservation: Sendable, Hashable {
  public var name: String
  /// The ids of the roles whose pods it covers.
  public var roles: Set<String>
  /// How many of the pods that it covers may be disrupted now.
  public var allowed: Int

  public init(name: String, roles: Set<String>, allowed: Int) {
    self.name = name
    self.roles = roles
    self.allowed = allowed
  }
}

public enum SetStrategy: Sendable, Hashable {
  /// Ordinals from the partition up get the new revision.
  case rollingUpdate(partition: Int)
  /// A pod gets the new revision when it is deleted, and not before.
  case onDelete

  /// Above any ordinal: no change of the template moves a pod by itself.
  public static let atRest = SetStrategy.rollingUpdate(partition: 1000)
}

/// What goes on, or has just ended, in a pod on our behalf.
public enum PodWork: Sendable, Hashable {
  case running(PodOrder)
  case finished(PodOrder, PodResult)
}

public struct PodResult: Sendable, Hashable {
  public var exitCode: Int
  /// The ends of both streams, as text, capped by `maxLogSizeDump`.
  public var stdout: String
  public var stderr: String
  /// Why the exit code is not the command's own; nil where it is.
  public var failure: Failure?

  /// What befell a command from outside, with the reason in words.
  public enum Failure: Sendable, Hashable {
    /// Nothing of it has run.
    case notStarted(String)
    /// It was killed before its end.
    case ended(String)
  }

  public init(exitCode: Int, stdout: String = "", stderr: String = "", failure: Failure? = nil) {
    self.failure = failure
    self.exitCode = exitCode
    self.stdout = stdout
    self.stderr = stderr
  }
}
