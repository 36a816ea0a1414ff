import KubeDirector

/// What the engine would do to a cluster if nothing failed: its own decisions, run on a simulated cluster in which
/// every pod starts at once and every script succeeds.
///
/// This type does not know the order of roles and pods, nor which roles subscribe to which events. It asks
/// `ClusterMachine`.
public struct Forecast: Sendable, Hashable {
  /// Every role of the cluster, in the cluster's order.
  public var roles: [Role] = []
  /// The roles whose pods are replaced, grouped in stages. Stages run one after another; the roles of a stage run in
  /// parallel.
  public var stages: [[String]] = []
  /// The runs of startscripts, ordered by the first run of each.
  public var scripts: [Scripts] = []
  /// The pod whose upgrade makes a rollback impossible; nil if a rollback is possible until the end.
  public var pointOfNoReturn: Pod?
  /// The maximum number of the cluster's pods that may be out of service at a time; nil for one per role.
  public var maxUnavailable: Int?
  /// Why the engine would not finish, as text for users; nil if it would.
  public var obstacle: String?

  /// The changes of one role.
  public struct Role: Sendable, Hashable {
    public var id: String
    /// The ordinals of the replaced pods, in the order of replacement.
    public var replaced: [Int] = []
    /// The number of members before and after.
    public var membersBefore = 0
    public var membersAfter = 0
    /// The images before and after; empty if they are unknown or there are no members.
    public var imageBefore = ""
    public var imageAfter = ""
  }

  /// Runs of `startscript` with one event, in one role.
  public struct Scripts: Sendable, Hashable {
    public var event: LifecycleEvent
    /// The role whose members run the script.
    public var role: String
    /// The role that the event is about, passed as `--role`; nil for events about the member itself.
    public var about: String?
    public var count: Int
  }

  public struct Pod: Sendable, Hashable {
    public var role: String
    public var ordinal: Int
  }

  /// The number of script runs with this event.
  public func count(of event: LifecycleEvent) -> Int {
    scripts.reduce(0) { $0 + ($1.event == event ? $1.count : 0) }
  }

  /// The total number of pods that are replaced.
  public var replaced: Int { roles.reduce(0) { $0 + $1.replaced.count } }
}

extension Forecast {
  /// The progress of an upgrade at the moment when it is rolled back.
  public enum Extent: Sendable, Hashable {
    /// The progress is unknown: the upgrade has gone as far as a rollback is still possible.
    case unknown
    /// The number of finished members by role. If a role has more, the next one is in progress.
    case done([String: Int])
  }

  /// Forecasts a change of a cluster at rest.
  ///
  /// - Parameters:
  ///   - old: the current cluster; nil for a new cluster.
  ///   - apps: the apps that both clusters name. A missing app is an obstacle.
  public static func change(from old: Cluster?, to new: Cluster, apps: [App]) -> Forecast {
    guard let old else {
      var simulated = SimulatedCluster(new, apps)
      let record = simulated.settle()
      return record.forecast(to: simulated)
    }
    var simulated = SimulatedCluster(old, apps)
    _ = simulated.settle()
    let before = simulated
    simulated.take(new)
    let record = simulated.settle()
    return record.forecast(from: before, to: simulated)
  }

  /// Forecasts the rollback of a running upgrade.
  ///
  /// - Parameters:
  ///   - upgraded: the cluster, naming the app that it is being upgraded to.
  ///   - back: the same cluster, naming the app that it came from.
  ///   - extent: the progress of the upgrade.
  public static func rollback(of upgraded: Cluster, to back: Cluster, apps: [App], after extent: Extent)
    -> Forecast
  {
    var start = back
    start.spec.roles = upgraded.spec.roles
    var simulated = SimulatedCluster(start, apps)
    _ = simulated.settle()
    let origin = simulated
    simulated.take(upgraded)
    if case .done(let done) = extent { simulated.standstill = done }
    var middle = simulated
    _ = simulated.settle { if $0.isUpgrading, $0.canReturn { middle = $0 } }
    simulated = middle
    simulated.standstill = nil
    simulated.take(back)
    let record = simulated.settle()
    var forecast = record.forecast(from: middle, to: simulated)
    for index in forecast.roles.indices {
      let id = forecast.roles[index].id
      forecast.roles[index].imageBefore = middle.image(of: id, in: upgraded.spec.app) ?? ""
      forecast.roles[index].imageAfter = origin.image(of: id, in: back.spec.app) ?? ""
    }
    return forecast
  }
}
