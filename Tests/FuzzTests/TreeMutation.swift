import Values

/// Changes values of a tree: huge numbers, other types, and missing, unknown or copied members.
enum TreeMutation {
  /// Returns the tree with some values changed.
  static func changed(_ value: JSON, _ random: inout some RandomNumberGenerator) -> JSON {
    var changed = value
    for _ in 0..<Int.random(in: 1...5, using: &random) { changed = once(changed, &random) }
    return changed
  }

  /// Returns a random value.
  static func any(_ random: inout some RandomNumberGenerator) -> JSON {
    switch Int.random(in: 0..<8, using: &random) {
    case 0: .null
    case 1: .bool(.random(using: &random))
    case 2: numbers.randomElement(using: &random) ?? 0
    case 3:
      .array(
        (0..<Int.random(in: 0...3, using: &random)).map { _ in numbers.randomElement(using: &random) ?? 0 })
    case 4: .object(["id": .string(HostileText.any(&random)), HostileText.any(&random): 1])
    default: .string(HostileText.any(&random))
    }
  }

  private static let numbers: [JSON] = [
    0, 1, -1, 7, 1000, 1001, 65_536, .integer(Int64(Int32.max)), .integer(Int64(Int32.max) + 1),
    .integer(.max), .integer(.min),
    .integer(1 << 53), .number(0.5), .number(1e300), .number(-1e300), .number(9_223_372_036_854_775_808),
    .number(-0.0),
  ]

  private static func once(_ value: JSON, _ random: inout some RandomNumberGenerator) -> JSON {
    let goesOn = Int.random(in: 0..<6, using: &random) > 0
    switch value {
    case .object(let members) where goesOn && !members.isEmpty: return .object(once(members, &random))
    case .array(let items) where goesOn && !items.isEmpty: return .array(once(items, &random))
    default: return any(&random)
    }
  }

  private static func once(_ members: JSON.Members, _ random: inout some RandomNumberGenerator)
    -> JSON.Members
  {
    var members = members
    let index = Int.random(in: 0..<members.count, using: &random)
    let (key, value) = members[index]
    switch Int.random(in: 0..<10, using: &random) {
    case 0: members[key] = nil
    case 1: members[HostileText.any(&random)] = value
    case 2: members[key] = members.values.randomElement(using: &random)
    case 3: for number in 0..<Int.random(in: 1...300, using: &random) { members["\(key)\(number)"] = value }
    default: members[key] = once(value, &random)
    }
    return members
  }

  private static func once(_ items: [JSON], _ random: inout some RandomNumberGenerator) -> [JSON] {
    var items = items
    let index = Int.random(in: 0..<items.count, using: &random)
    switch Int.random(in: 0..<8, using: &random) {
    case 0: items.remove(at: index)
    case 1: items += Array(repeating: items[index], count: Int.random(in: 1...300, using: &random))
    case 2: items.shuffle(using: &random)
    default: items[index] = once(items[index], &random)
    }
    return items
  }
}
