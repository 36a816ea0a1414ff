import KubeDirector

/// The decisions recorded while a simulated cluster came to rest.
struct ForecastRecord {
  private var turns: [(role: String, ordinal: Int)] = []
  /// The first and the last step in which pods of a role were replaced.
  private var spans: [String: ClosedRange<Int>] = [:]
  private var order: [String] = []
  private var scripts: [Forecast.Scripts] = []
  private var places: [ScriptKey: Int] = [:]
  private var pointOfNoReturn: Forecast.Pod?
  private var maxUnavailable: Int?

  private struct ScriptKey: Hashable {
    var event: LifecycleEvent
    var role: String
    var about: String?
  }

  mutating func note(_ decision: Decision, _ step: Int, in simulated: SimulatedCluster) {
    for action in decision.actions {
      switch action {
      case .emit(.podClaimed(let pod, let role, _)):
        guard let ordinal = decision.status.role(role)?.members.firstIndex(where: { $0.pod == pod }) else {
          continue
        }
        turns.append((role, ordinal))
        extend(role, step)
      case .emit(.podDone(_, let role, _, _)): extend(role, step)
      case .order(_, let order):
        guard case .script(let notification, _) = order.task, notification.event != .refresh else { continue }
        count(ScriptKey(event: notification.event, role: order.role, about: notification.nodes?.role))
      default: continue
      }
    }
    if let plan = simulated.plan { maxUnavailable = plan.maxUnavailable }
    if pointOfNoReturn == nil, !turns.isEmpty, !simulated.canReturn, let plan = simulated.plan {
      pointOfNoReturn = culprit(decision.status, plan.noReturn)
    }
  }

  /// The first pod in whose container an irreversible script may have started.
  private func culprit(_ status: ClusterStatus, _ roles: Set<String>) -> Forecast.Pod? {
    let turn = turns.first { turn in
      (roles.contains(turn.role) || roles.contains("*"))
        && status.role(turn.role)?.members[turn.ordinal].podUpgradeStatus == .configured
    }
    return turn.map { Forecast.Pod(role: $0.role, ordinal: $0.ordinal) }
  }

  private mutating func extend(_ role: String, _ step: Int) {
    if let span = spans[role] {
      spans[role] = span.lowerBound...max(span.upperBound, step)
    } else {
      spans[role] = step...step
      order.append(role)
    }
  }

  private mutating func count(_ key: ScriptKey) {
    if let place = places[key] {
      scripts[place].count += 1
    } else {
      places[key] = scripts.count
      scripts.append(Forecast.Scripts(event: key.event, role: key.role, about: key.about, count: 1))
    }
  }

  func forecast(from before: SimulatedCluster? = nil, to after: SimulatedCluster) -> Forecast {
    var forecast = Forecast()
    let (old, new) = (before?.status, after.status)
    var ids = new?.roles.map(\.id) ?? []
    ids += (old?.roles.map(\.id) ?? []).filter { !ids.contains($0) }
    forecast.roles = ids.map { id in
      var role = Forecast.Role(id: id)
      role.replaced = turns.filter { $0.role == id }.map(\.ordinal)
      role.membersBefore = old?.role(id)?.members.count ?? 0
      role.membersAfter = new?.role(id)?.members.count ?? 0
      if let old { role.imageBefore = before?.image(of: id, in: old.app) ?? "" }
      if let new { role.imageAfter = after.image(of: id, in: new.app) ?? "" }
      return role
    }
    forecast.stages = stages
    forecast.scripts = scripts
    forecast.pointOfNoReturn = pointOfNoReturn
    forecast.obstacle = after.obstacle
    forecast.maxUnavailable = maxUnavailable
    return forecast
  }

  /// The stages. A role starts a new stage if its first pod is replaced only after the last pod of the roles before
  /// it.
  private var stages: [[String]] {
    var stages: [[String]] = []
    var end = -1
    for id in order {
      guard let span = spans[id] else { continue }
      if span.lowerBound >= end { stages.append([]) }
      stages[stages.count - 1].append(id)
      end = max(end, span.upperBound)
    }
    return stages
  }
}
