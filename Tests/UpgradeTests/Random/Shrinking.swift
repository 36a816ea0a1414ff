extension RandomLife {
  /// Reduces the run to the smallest one with the same result: it drops events, many at a time and then one
  /// by one, simplifies events, and drops roles and members.
  func shortest(_ isSo: (RandomLife) -> Bool) -> RandomLife {
    var life = self
    var isShorter = true
    while isShorter {
      isShorter = life.dropEvents(isSo)
      if life.simplifyEvents(isSo) { isShorter = true }
      while let setup = life.setup.smaller.first(where: { isSo(RandomLife(setup: $0, events: life.events)) })
      {
        life.setup = setup
        isShorter = true
      }
    }
    return life
  }

  private mutating func dropEvents(_ isSo: (RandomLife) -> Bool) -> Bool {
    let before = events.count
    var chunk = max(1, events.count / 2)
    while true {
      var start = 0
      while start < events.count {
        var fewer = self
        fewer.events.removeSubrange(start..<min(start + chunk, events.count))
        if isSo(fewer) { self = fewer } else { start += chunk }
      }
      if chunk == 1 { return events.count < before }
      chunk /= 2
    }
  }

  private mutating func simplifyEvents(_ isSo: (RandomLife) -> Bool) -> Bool {
    var isSimpler = false
    for index in events.indices {
      while let simpler = events[index].simpler.map({ event in
        var life = self
        life.events[index] = event
        return life
      }).first(where: isSo) {
        self = simpler
        isSimpler = true
      }
    }
    return isSimpler
  }
}

extension StageEvent {
  /// Simpler events, none of which can be simplified into this one again.
  fileprivate var simpler: [StageEvent] {
    switch self {
    case .goesOn(let rounds) where rounds > 1: [.goesOn(rounds - 1)]
    case .dies(let writes): [.killed] + (writes > 0 ? [.dies(after: writes - 1)] : [])
    case .daemonReplaced(let writes) where writes > 0: [.daemonReplaced(after: writes - 1)]
    case .crash(let pod, loops: true): [.crash(pod, loops: false)]
    case .acts: [.looks]
    case .imageMissing(let image): [.imageBroken(image)]
    case .failsAlways(let pod, _): [.fails(pod)]
    default: []
    }
  }
}
