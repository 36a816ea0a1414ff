import KubeDirector

/// What the engine would do to a cluster if all went well: its own decisions, played in a world where every pod
/// starts at once and every script ends well.
///
/// Nothing here knows in which order roles and pods go, or who hears what; that is asked of `ClusterMachine`.
public struct Forecast: Sendable, Hashable {
  /// Every role of the cluster, in its order.
  public var roles: [Role] = []
  /// The roles whose pods are replaced, in stages one after another; those of a stage go side by side.
  public var stages: [[String]] = []
  /// The runs of startscripts, in the order of their first ones.
  public var scripts: [Scripts] = []
  /// The pod whose turn leaves no way back; nil where there is one until the end.
  public var pointOfNoReturn: Pod?
  /// How many pods of the cluster may be out of service at a time; nil for one a role.
  public var maxUnavailable: Int?
  /// Why the engine would not come to an end, in words; nil where it would.
  public var obstacle: String?

  /// What happens to one role.
  public struct Role: Sendable, Hashable {
    public var id: String
    /// The ordinals whose pods are replaced, in the order of their turns.
    public var replaced: [Int] = []
    /// The members that it had, and that it gets.
    public var membersBefore = 0
    public var membersAfter = 0
    /// The images before and after; empty where nobody knows them, or there are no members.
    public var imageBefore = ""
    public var imageAfter = ""
  }

  /// Runs of `startscript` with one event, in one role.
  public struct Scripts: Sendable, Hashable {
    public var event: LifecycleEvent
    /// Whose members run it.
    public var role: String
    /// Of whom they hear, by `--role`; nil for events that are about themselves.
    public var about: String?
    public var count: Int
  }

  public struct Pod: Sendable, Hashable {
    public var role: String
    public var ordinal: Int
  }

  /// How many scripts run with an event.
  public func count(of event: LifecycleEvent) -> Int {
    scripts.reduce(0) { $0 + ($1.event == event ? $1.count : 0) }
  }

  /// All pods that are replaced.
  public var replaced: Int { roles.reduce(0) { $0 + $1.replaced.count } }
}

extension Forecast {
  /// How far an upgrade has come when it is turned round.
  public enum Extent: Sendable, Hashable {
    /// As far as it can come and be turned round still.
    case unknown
    /// By role, how many members are done; where more are to come, the next one is in hand.
    case done([String: Int])
  }

  /// What becomes of a change of a cluster at rest.
  ///
  /// - Parameters:
  ///   - old: the cluster as it is; nil where it is to be made.
  ///   - apps: the apps that both name. One that is missing is an obstacle.
  public static func change(from old: Cluster?, to new: Cluster, apps: [App]) -> Forecast {
    guard let old else {
      var world = IdealWorld(new, apps)
      let record = world.settle()
      return record.forecast(to: world)
    }
    var world = IdealWorld(old, apps)
    _ = world.settle()
    let before = world
    world.take(new)
    let record = world.settle()
    return record.forecast(from: before, to: world)
  }

  /// What becomes of turning an upgrade round that runs.
  ///
  /// - Parameters:
  ///   - upgraded: the cluster, naming the app that it is on its way to.
  ///   - back: the same, naming the app that it came from.
  ///   - extent: how far the upgrade has come.
  public static func rollback(of upgraded: Cluster, to back: Cluster, apps: [App], after extent: Extent)
    -> Forecast
  {
    var start = back
    start.spec.roles = upgraded.spec.roles
    var world = IdealWorld(start, apps)
    _ = world.settle()
    let origin = world
    world.take(upgraded)
    if case .done(let done) = extent { world.standstill = done }
    var middle = world
    _ = world.settle { if $0.isUpgrading, $0.canReturn { middle = $0 } }
    world = middle
    world.standstill = nil
    world.take(back)
    let record = world.settle()
    var forecast = record.forecast(from: middle, to: world)
    for index in forecast.roles.indices {
      let id = forecast.roles[index].id
      forecast.roles[index].imageBefore = middle.image(of: id, in: upgraded.spec.app) ?? ""
      forecast.roles[index].imageAfter = origin.image(of: id, in: back.spec.app) ?? ""
    }
    return forecast
  }
}
