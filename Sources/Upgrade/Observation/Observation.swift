import KubeDirector

/// Everything that the machine reads before it decides: one cluster at one moment.
///
/// A plain value, built by the Controller module. The machine keeps nothing between two steps; what must persist is in
/// `status`.
public struct Observation: Sendable {
  public var cluster: Cluster
  /// False if the spec was changed by anything other than the reconciler. Its changes then start nothing.
  public var isStamped: Bool
  public var status: ClusterStatus?
  /// The apps that the cluster may need, by name: the desired one, the current one and the previous one.
  public var apps: [String: AppSpec]
  /// The annotations of these apps, by app name.
  public var appAnnotations: [String: [String: String]]
  /// The catalog in which each app was found, by app name.
  public var catalogs: [String: AppCatalog]
  /// The existing StatefulSets, by role id.
  public var sets: [String: SetObservation]
  /// The existing pods, by name.
  public var pods: [String: PodObservation]
  /// When the deletion of a pod was observed, by pod name, in whole seconds since 1970. Known only for deletions that
  /// this daemon observed itself.
  public var gone: [String: Int]
  /// Running pod orders and those that finished since the last step, by pod name.
  public var work: [String: PodWork]
  /// The PodDisruptionBudgets that cover pods of the cluster.
  public var budgets: [BudgetObservation]
  /// The cluster's connections; nil for a cluster that has none and never had any.
  public var connections: ConnectionsObservation?
  public var headlessServiceExists: Bool
  /// The names of the existing member services; nil if they were not listed.
  public var memberServices: Set<String>?
  /// The member services that differ from their desired state.
  public var outdatedServices: Set<String>
  /// The existing claims out of `AdoptedCluster.newClaims`; nil if they were not read.
  public var newClaims: [String: ClaimOwnership]?
  /// Why the cluster's objects cannot be managed: some were created by another operator.
  public var mismatches: [ShapeMismatch]
  /// The current time, in whole seconds since 1970.
  public var now: Int
  public var settings: Settings

  public struct Settings: Sendable, Hashable {
    /// The number of seconds without progress after which a step counts as stalled; nil for never.
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
    outdatedServices: Set<String> = [], newClaims: [String: ClaimOwnership]? = nil,
    mismatches: [ShapeMismatch] = [], now: Int,
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
    self.newClaims = newClaims
    self.mismatches = mismatches
    self.now = now
    self.settings = settings
  }
}

/// Whether a volume claim is deleted together with its cluster.
public enum ClaimOwnership: Sendable, Hashable {
  /// The cluster is one of its owners.
  case owned
  case released
}

/// A role's StatefulSet as observed.
public struct SetObservation: Sendable, Hashable {
  /// The image that kdops last wrote into the template. An admission webhook may have changed the template since.
  public var image: String
  public var replicas: Int
  public var strategy: SetStrategy
  /// Whether the set's controller has observed the spec that we see.
  public var isObserved: Bool
  public var currentRevision: String
  public var updateRevision: String
  /// Whether the set selects its pods also by the label of the app, as those of adopted clusters do. With another value
  /// of the label a pod would leave the set.
  public var selectsApp: Bool

  public init(
    image: String, replicas: Int, strategy: SetStrategy, isObserved: Bool, currentRevision: String,
    updateRevision: String, selectsApp: Bool = false
  ) {
    self.image = image
    self.replicas = replicas
    self.strategy = strategy
    self.isObserved = isObserved
    self.currentRevision = currentRevision
    self.updateRevision = updateRevision
    self.selectsApp = selectsApp
  }
}

/// A PodDisruptionBudget as observed. Neither DELETE nor a set's controller enforces it, so the engine has to.
public struct BudgetObservation: Sendable, Hashable {
  public var name: String
  /// The ids of the roles whose pods it covers.
  public var roles: Set<String>
  /// The number of covered pods that may be disrupted now.
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
  /// A pod gets the new revision only when it is deleted.
  case onDelete

  /// A partition above any ordinal: a change of the template alone replaces no pod.
  public static let atRest = SetStrategy.rollingUpdate(partition: 1000)
}

/// A pod order that is running or has just finished.
public enum PodWork: Sendable, Hashable {
  case running(PodOrder)
  case finished(PodOrder, PodResult)
}

public struct PodResult: Sendable, Hashable {
  public var exitCode: Int
  /// The tail of each stream as text, limited by `maxLogSizeDump`.
  public var stdout: String
  public var stderr: String
  /// Why the exit code is not the command's own; nil if it is.
  public var failure: Failure?

  /// An external failure of a command, with the reason as text.
  public enum Failure: Sendable, Hashable {
    /// Nothing of the command has run.
    case notStarted(String)
    /// The command was killed before it finished.
    case ended(String)
  }

  public init(exitCode: Int, stdout: String = "", stderr: String = "", failure: Failure? = nil) {
    self.failure = failure
    self.exitCode = exitCode
    self.stdout = stdout
    self.stderr = stderr
  }
}
