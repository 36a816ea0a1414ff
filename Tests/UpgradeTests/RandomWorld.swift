/// What a random life plays in: the roles, and which of them have another image in which version.
struct RandomWorld: Hashable {
  var roles: [Stage.Role]
  /// The tags of 1.1 and of 1.2, by role; a role without one keeps its image.
  var newer: [String: String]
  var newest: [String: String]

  /// One to four roles of all kinds. At least one has another image in 1.1, and of several at least one has not.
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

  /// At rest with the first version.
  func settled() -> Stage {
    var stage = Stage(roles, versions: ["1.0": [:], "1.1": newer, "1.2": newest])
    stage.isRecording = false
    stage.isHasty = true
    stage.settle()
    stage.statusWrites = 0
    stage.steps = 0
    stage.witness.tally = Tally()
    return stage
  }

  /// The same with less in it, the smallest first.
  var smaller: [RandomWorld] {
    roles.indices.flatMap { index in
      let id = roles[index].id
      var worlds: [RandomWorld] = []
      func add(_ change: (inout RandomWorld) -> Void) {
        var world = self
        change(&world)
        if world != self { worlds.append(world) }
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
      return worlds
    }
  }

  var words: String {
    roles.map { role in
      let tags = [newer[role.id].map { "1.1 has :\($0)" }, newest[role.id].map { "1.2 has :\($0)" }]
      return
        ([
          "\(role.id) × \(role.members)", role.hasPackage ? nil : "no package",
          role.hasStorage ? "storage" : nil, role.services.isEmpty ? nil : "services",
          role.events.map { "hears \($0.joined(separator: " "))" },
        ] + tags).compactMap(\.self).joined(separator: ", ")
    }.joined(separator: "\n")
  }
}
