import KubeDirector

/// The cluster of a random run: its roles, and the versions in which each has a different image.
struct RandomSetup: Hashable {
  var roles: [Stage.Role]
  /// The tags of 1.1 and of 1.2, by role. A role without a tag keeps its image.
  var newer: [String: String]
  var newest: [String: String]
  /// The upgrade settings in the annotations.
  var budget: String?
  var order: String?

  /// One to four roles of all kinds. At least one has a different image in 1.1. If there are several, at
  /// least one keeps its image.
  init(_ chance: inout Chance) {
    let ids = ["worker", "broker", "gateway", "plain"].prefix(chance.pick([1, 2, 2, 2, 3, 3, 4]))
    let stays = ids.count > 1 ? chance.pick(Array(ids)) : ""
    (roles, newer, newest) = ([], [:], [:])
    for id in ids {
      roles.append(
        Stage.Role(
          id: id, members: chance.pick([1, 1, 2, 2, 3]), hasPackage: chance.below(5) > 0,
          hasStorage: chance.below(3) == 0, events: chance.pick(Self.eventLists),
          services: chance.below(4) == 0 ? ["http"] : []))
      if id != stays { newer[id] = "1.1" }
      newest[id] = chance.below(3) == 0 ? newer[id] : "1.2"
    }
    budget = chance.pick([nil, nil, nil, "1", "2", "0"])
    guard roles.count > 1, chance.below(2) == 0 else { return }
    // Some roles are in the same stage, and some are not named.
    var words: [String] = []
    for id in chance.shuffled(roles.map(\.id)) where chance.below(5) > 0 {
      words += [id, chance.pick([",", ",", " "])]
    }
    order = words.joined()
  }

  private static let eventLists: [[String]?] = [
    nil, nil, ["configure", "addnodes", "role_upgraded", "role_reverted", "cluster_upgraded"],
    ["configure", "delnodes", "cluster_upgraded", "cluster_reverted"], [],
  ]

  var pods: [String] { roles.flatMap { role in (0..<role.members).map { "\(role.id)-\($0)" } } }
  var images: [String] {
    newer.map { "\($0.key):\($0.value)" }.sorted() + newest.map { "\($0.key):\($0.value)" }.sorted()
      + roles.map { "\($0.id):1.0" }
  }

  /// A configured cluster with the first version.
  func settled() -> Stage {
    var stage = Stage(roles, versions: ["1.0": [:], "1.1": newer, "1.2": newest])
    stage.isRecording = false
    stage.isHasty = true
    stage.annotate(Wire.Annotation.maxUnavailable, budget)
    stage.annotate(Wire.Annotation.roleOrder, order)
    stage.settle()
    stage.statusWrites = 0
    stage.steps = 0
    stage.observer.tally = Tally()
    return stage
  }

  /// The set-ups with one part less, the smallest first.
  var smaller: [RandomSetup] {
    roles.indices.flatMap { index in
      let id = roles[index].id
      var setups: [RandomSetup] = []
      func add(_ change: (inout RandomSetup) -> Void) {
        var setup = self
        change(&setup)
        if setup != self { setups.append(setup) }
      }
      if roles.count > 1 {
        add {
          $0.roles.remove(at: index)
          $0.newer[id] = nil
          $0.newest[id] = nil
        }
      }
      if roles[index].members > 1 { add { $0.roles[index].members -= 1 } }
      add { $0.roles[index].services = [] }
      add { $0.roles[index].hasStorage = false }
      add { $0.roles[index].events = nil }
      add { $0.roles[index].hasPackage = true }
      add { $0.budget = nil }
      add { $0.order = nil }
      return setups
    }
  }

  var words: String {
    let plan = [budget.map { "at most \($0) unavailable" }, order.map { "in the order \($0)" }]
    return
      (roles.map { role in
        let tags = [newer[role.id].map { "1.1 has :\($0)" }, newest[role.id].map { "1.2 has :\($0)" }]
        return
          ([
            "\(role.id) × \(role.members)", role.hasPackage ? nil : "no package",
            role.hasStorage ? "storage" : nil, role.services.isEmpty ? nil : "services",
            role.events.map { "subscribes to \($0.joined(separator: " "))" },
          ] + tags).compactMap(\.self).joined(separator: ", ")
      } + plan.compactMap(\.self)).joined(separator: "\n")
  }
}
