import ClusterAPI

/// Work that the cluster does outside its actor.
enum ClusterJob: Sendable {
  case pod(NodeJob)
  /// Removes the volume of this claim.
  case volume(ObjectName)
  case alarm(Duration)
  /// Continues with work that did not fit into one turn.
  case turn
}

/// The jobs in progress. Decides which jobs start, and when the cluster is idle.
struct JobLedger: Sendable {
  private var underWay = 0
  /// The times of the pending alarms. Several can be pending, because an earlier alarm may be added later.
  private var alarms: [Duration] = []
  private var isTurnOrdered = false

  /// Whether only alarms are pending.
  var isIdle: Bool { underWay <= 0 }

  mutating func start(_ work: [NodeJob]) -> [ClusterJob] {
    underWay += work.count
    return work.map(ClusterJob.pod)
  }

  mutating func removeVolumes(of claims: [ObjectName]) -> [ClusterJob] {
    underWay += claims.count
    return claims.map(ClusterJob.volume)
  }

  /// Requests another turn of the controllers.
  /// - Returns: no job if a turn is requested already.
  mutating func orderTurn() -> [ClusterJob] {
    guard !isTurnOrdered else { return [] }
    isTurnOrdered = true
    underWay += 1
    return [.turn]
  }

  mutating func turnBegan() { isTurnOrdered = false }

  /// Ends a job that is not an alarm.
  mutating func ended() { underWay -= 1 }

  /// Sets an alarm, unless an earlier or equal one is pending.
  mutating func setAlarm(at time: Duration?) -> [ClusterJob] {
    guard let time, alarms.allSatisfy({ $0 > time }) else { return [] }
    alarms.append(time)
    return [.alarm(time)]
  }

  mutating func alarmRang(_ time: Duration) { alarms.removeAll { $0 == time } }
}
