import Diagnostics
import KubeDirector
import Values

/// One difference in meaning between two objects.
public struct Difference: Sendable, Hashable {
  /// The path in the old object; the parent's path if the value does not exist there.
  public var oldPath: FieldPath
  /// The path in the new object; the parent's path if the value does not exist there.
  public var newPath: FieldPath
  /// Nil if it was absent.
  public var old: JSON?
  /// Nil if it is absent now.
  public var new: JSON?
  /// The path without positions: `roles[worker].storage.size`.
  public var name: String

  /// The change for messages: `(10Gi → 20Gi)`, `(added)`, `(removed)`.
  ///
  /// Values that are not single words are not shown, and neither are values of fields that often hold private data.
  public var inWords: String {
    switch shown {
    case (let old?, let new?): "(\(old) → \(new))"
    case _ where old == nil: "(added)"
    case _ where new == nil: "(removed)"
    default: "(changed)"
    }
  }

  /// The values as text. Nil for values that may be secret, and for lists, objects and long texts.
  public var shown: (old: String?, new: String?) {
    let isPrivate = ["env[", "secretKeys[", "configMeta", "Annotations"].contains { name.count(of: $0) > 0 }
    return isPrivate ? (nil, nil) : (old.flatMap(Self.word), new.flatMap(Self.word))
  }

  static func word(_ value: JSON) -> String? {
    switch value {
    case .string(let text) where text.utf8.count <= 80: Redaction.url(text)
    case .integer(let number): "\(number)"
    case .number(let number): "\(number)"
    case .bool(let flag): "\(flag)"
    default: nil
    }
  }

  /// The differences in meaning between two values, in the order of the new one.
  static func between(
    _ old: JSON, _ new: JSON, shape: Shape, at path: FieldPath, named name: String = ""
  ) -> [Difference] {
    if old == new { return [] }
    var comparison = Comparison()
    comparison.compare(old, new, shape, Place(old: path, new: path, name: name))
    return comparison.found
  }
}

private struct Place {
  var old: FieldPath
  var new: FieldPath
  var name: String

  /// Longer names are cut: each difference has a name made of the names of all its parents.
  private static let nameLimit = 512

  private func named(_ more: String) -> String {
    name.utf8.count < Self.nameLimit ? name + more.prefix(Self.nameLimit) : name
  }

  func member(_ key: String) -> Place {
    Place(old: old + [.key(key)], new: new + [.key(key)], name: named(name.isEmpty ? key : ".\(key)"))
  }
  func item(_ label: String, old oldIndex: Int?, new newIndex: Int?) -> Place {
    Place(
      old: oldIndex.map { old + [.index($0)] } ?? old, new: newIndex.map { new + [.index($0)] } ?? new,
      name: named("[\(label)]"))
  }
}

private struct Comparison {
  var found: [Difference] = []

  mutating func compare(_ old: JSON?, _ new: JSON?, _ shape: Shape, _ place: Place) {
    if case .ignored = shape { return }
    let (old, new) = (Self.meaningful(old, shape), Self.meaningful(new, shape))
    if old == new { return }
    switch shape {
    case .ignored: return
    case .plain: comparePlain(old, new, place)
    case .value: differ(old, new, place)
    case .quantity:
      if let a = old.flatMap(Self.quantity), let b = new.flatMap(Self.quantity), a == b { return }
      differ(old, new, place)
    case .names: compareNames(old, new, place)
    case .keyed(let key, let item): compareKeyed(old, new, by: key, item, place)
    case .list(let item): compareList(old, new, item, place)
    case .object(let members, let others): compareMembers(old, new, members, others, place)
    }
  }

  /// The value with its default; nil if it has no meaning.
  private static func meaningful(_ value: JSON?, _ shape: Shape) -> JSON? {
    let given: JSON? =
      switch value {
      case nil, .null: nil
      case .array(let items) where items.isEmpty: nil
      case .object(let members) where members.isEmpty: nil
      default: value
      }
    if given == nil, case .value(let value) = shape { return value }
    return given
  }

  private static func quantity(_ value: JSON) -> Quantity? {
    switch value {
    case .string(let text): Quantity(text)
    case .integer(let number): Quantity("\(number)")
    case .number(let number): Quantity("\(number)")
    default: nil
    }
  }

  private mutating func differ(_ old: JSON?, _ new: JSON?, _ place: Place) {
    found.append(
      Difference(
        oldPath: old == nil ? place.old.parent : place.old,
        newPath: new == nil ? place.new.parent : place.new,
        old: old, new: new, name: place.name))
  }

  private mutating func comparePlain(_ old: JSON?, _ new: JSON?, _ place: Place) {
    switch (old, new) {
    case (.object, .object): compareMembers(old, new, [:], .plain, place)
    case (.array, .array): compareList(old, new, .plain, place)
    default: differ(old, new, place)
    }
  }

  private mutating func compareMembers(
    _ old: JSON?, _ new: JSON?, _ members: [String: Shape], _ others: Shape, _ place: Place
  ) {
    guard isNothingOr(old, \.object), isNothingOr(new, \.object) else { return differ(old, new, place) }
    let (before, after) = (old?.object ?? [:], new?.object ?? [:])
    if before.isEmpty || after.isEmpty, members.isEmpty { return differ(old, new, place) }
    for (key, value) in after { compare(before[key], value, members[key] ?? others, place.member(key)) }
    for (key, value) in before where after[key] == nil {
      compare(value, nil, members[key] ?? others, place.member(key))
    }
  }

  private mutating func compareList(_ old: JSON?, _ new: JSON?, _ item: Shape, _ place: Place) {
    guard let before = old?.array, let after = new?.array else { return differ(old, new, place) }
    for index in 0..<max(before.count, after.count) {
      let (a, b) = (index < before.count ? index : nil, index < after.count ? index : nil)
      compare(a.map { before[$0] }, b.map { after[$0] }, item, place.item("\(index)", old: a, new: b))
    }
  }

  private mutating func compareNames(_ old: JSON?, _ new: JSON?, _ place: Place) {
    guard isNothingOr(old, \.array), isNothingOr(new, \.array) else { return differ(old, new, place) }
    let (before, after) = (old?.array ?? [], new?.array ?? [])
    let (was, wanted) = (Set(before), Set(after))
    for (index, value) in after.enumerated() where !was.contains(value) {
      differ(
        nil, value, place.item(Difference.word(value) ?? "\(index)", old: nil, new: index), within: place)
    }
    for (index, value) in before.enumerated() where !wanted.contains(value) {
      differ(
        value, nil, place.item(Difference.word(value) ?? "\(index)", old: index, new: nil), within: place)
    }
  }

  /// Adds a difference of a whole item. For the object that lacks the item, the place is the list.
  private mutating func differ(_ old: JSON?, _ new: JSON?, _ place: Place, within list: Place) {
    found.append(
      Difference(
        oldPath: old == nil ? list.old : place.old, newPath: new == nil ? list.new : place.new, old: old,
        new: new, name: place.name))
  }

  private mutating func compareKeyed(
    _ old: JSON?, _ new: JSON?, by key: String, _ item: Shape, _ place: Place
  ) {
    guard isNothingOr(old, \.array), isNothingOr(new, \.array) else { return differ(old, new, place) }
    let (before, after) = (old?.array ?? [], new?.array ?? [])
    var waiting: [JSON: [Int]] = [:]
    for (index, value) in before.enumerated() { waiting[value[key] ?? .null, default: []].append(index) }
    for (index, value) in after.enumerated() {
      let id = value[key] ?? .null
      let label = Difference.word(id) ?? "\(index)"
      if waiting[id]?.isEmpty == false, let match = waiting[id]?.removeFirst() {
        compare(before[match], value, item, place.item(label, old: match, new: index))
      } else {
        differ(nil, value, place.item(label, old: nil, new: index), within: place)
      }
    }
    for index in waiting.values.joined().sorted() {
      let label = Difference.word(before[index][key] ?? .null) ?? "\(index)"
      differ(before[index], nil, place.item(label, old: index, new: nil), within: place)
    }
  }

  private func isNothingOr<Value>(_ value: JSON?, _ reading: (JSON) -> Value?) -> Bool {
    value.map { reading($0) != nil } ?? true
  }
}
