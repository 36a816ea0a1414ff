import ClusterAPI
import Diagnostics

/// The objects that watches report, each in its newest version. Indices are built on the changes that it returns.
///
/// The events of a watch and the lists between them (`take`) are in the order of the changes. Responses to writes (`put`)
/// and lists that are requested meanwhile (`merge`) arrive at any time. Resource versions are increasing numbers on
/// every supported server, also across objects of the same name, so the greater version wins, whichever arrives last.
/// Without numbers, the last report wins.
public struct WatchedObjects<Value: Sendable>: Sendable {
  /// A change of the stored objects.
  public enum Change: Sendable {
    case stored(ObjectReference, Value, replaced: Value?)
    case removed(ObjectReference, Value)

    public var reference: ObjectReference {
      switch self {
      case .stored(let reference, _, _), .removed(let reference, _): reference
      }
    }
  }

  /// Makes the value of an object from the object and the value of its last version. Nil for an object of no interest:
  /// the value of the last version stays.
  public typealias Decoder = (_ object: Object, _ known: Value?) -> Value?

  private struct Version {
    var uid: String
    /// Nil if the server's versions are not numbers.
    var number: Int?

    init(_ object: Object) { (uid, number) = (object.uid, Int(object.resourceVersion)) }

    /// Whether both versions are numbers and this one is the greater one.
    func isNewer(than other: Int?) -> Bool {
      guard let number, let other else { return false }
      return number > other
    }
  }

  /// How the server reported an object.
  private enum Report {
    /// A watch reported it, in the order of the changes.
    case event
    /// The response to a write contained it. A response may arrive before or after events of later changes.
    case response
    /// A list contained it. A list shows all changes up to its version, which is nil if the server's versions are not
    /// numbers.
    case list(Int?, isOrdered: Bool)
    /// A list contained it, from a server that has lost its last changes.
    case rewoundList

    var isOrdered: Bool {
      switch self {
      case .event, .rewoundList, .list(_, isOrdered: true): true
      case .response, .list: false
      }
    }
  }

  /// The stored objects.
  public private(set) var values: [ObjectReference: Value] = [:]
  private var versions: [ObjectReference: Version] = [:]
  private var listed: Set<WatchScope> = []
  /// The newest version that a scope's lists and events have had.
  private var reached: [WatchScope: Int] = [:]
  private var tombstones: Tombstones

  /// - Parameter tombstones: the number of deleted objects that are remembered. It should exceed the objects that are
  ///   deleted while a write of one of them lasts.
  public init(tombstones: Int = 256) { self.tombstones = Tombstones(limit: tombstones) }

  /// The value of one object.
  public subscript(resource: Resource, name: ObjectName) -> Value? {
    values[ObjectReference(kind: resource.kind, namespace: name.namespace, name: name.name)]
  }

  /// Whether a scope was listed once; until then, a missing object does not mean that it was deleted.
  public func isListed(_ scope: WatchScope) -> Bool { listed.contains(scope) }

  /// Records that a scope has no objects because the server does not serve their kind.
  public mutating func lacks(_ scope: WatchScope) { listed.insert(scope) }

  /// Applies a watched change.
  public mutating func take(
    _ change: FollowedChange, of scope: WatchScope, decode: Decoder
  ) -> [Change] {
    switch change {
    case .all(let objects, let version): return replace(with: objects, Int(version), of: scope, decode)
    case .changed(let object):
      advance(scope, to: object)
      return store(object, .event, decode).map { [$0] } ?? []
    case .removed(let object):
      advance(scope, to: object)
      let reference = object.watchReference
      let deleted = Version(object)
      tombstones.insert(deleted.uid, version: deleted.number)
      // A later deletion of the name also ends an object whose successor was never of interest.
      guard let known = versions[reference], known.uid == deleted.uid || deleted.isNewer(than: known.number),
        !known.isNewer(than: deleted.number)
      else { return [] }
      return remove(reference).map { [$0] } ?? []
    }
  }

  /// Merges a list that was requested while the watch runs. Without numbers, it cannot show that an object is gone.
  public mutating func merge(_ list: ObjectList, of scope: WatchScope, decode: Decoder) -> [Change] {
    let number = Int(list.resourceVersion)
    return remove(allOf: scope, except: list.items, at: number) { known in
      guard known.number != nil, number != nil else { return false }
      return !known.isNewer(than: number)
    } + list.items.compactMap { store($0, .list(number, isOrdered: false), decode) }
  }

  /// Stores an object that a write has returned; nil if it was deleted meanwhile or a newer version is known.
  public mutating func put(_ object: Object, decode: Decoder) -> Change? { store(object, .response, decode) }

  /// Applies the list that a watch begins with. An object that it lacks is gone, unless the response to a write has
  /// shown a newer version of it.
  ///
  /// A server that was restored from a backup has older objects: under a lower version of the list, or under a higher
  /// one if the versions were raised after the restoration, as the documentation of etcd recommends.
  private mutating func replace(
    with objects: [Object], _ number: Int?, of scope: WatchScope, _ decode: Decoder
  ) -> [Change] {
    var isRewound = false
    if let number, let last = reached[scope] { isRewound = number < last }
    if isRewound { tombstones.removeAll() }
    listed.insert(scope)
    reached[scope] = number
    return remove(allOf: scope, except: objects, at: number) { isRewound || !$0.isNewer(than: number) }
      + objects.compactMap { store($0, isRewound ? .rewoundList : .list(number, isOrdered: true), decode) }
  }

  private mutating func advance(_ scope: WatchScope, to object: Object) {
    guard let number = Int(object.resourceVersion), number > reached[scope] ?? Int.min else { return }
    reached[scope] = number
  }

  private mutating func store(_ object: Object, _ report: Report, _ decode: Decoder) -> Change? {
    let reference = object.watchReference
    let version = Version(object)
    guard !isOutdated(version, of: reference, report),
      let value = decode(object, values[reference])
    else { return nil }
    if report.isOrdered { tombstones.remove(version.uid) }
    versions[reference] = version
    return .stored(reference, value, replaced: values.updateValue(value, forKey: reference))
  }

  /// Whether a reported version adds nothing to what is known.
  private func isOutdated(_ version: Version, of reference: ObjectReference, _ report: Report) -> Bool {
    let known = versions[reference]
    // What a list shows was so at the list's version, whatever the version of the object.
    var shownAt = version.number
    switch report {
    case .rewoundList: return false
    case .list(let number?, _) where version.number != nil:
      if let known, known.uid == version.uid, known.number == version.number { return true }
      shownAt = number
    case .event, .response, .list: break
    }
    if tombstones.hide(version.uid, version: shownAt, isOrdered: report.isOrdered) { return true }
    guard let known = known?.number, let shownAt else { return false }
    if case .list(_?, _) = report { return known > shownAt }
    return shownAt <= known
  }

  private mutating func remove(
    allOf scope: WatchScope, except kept: [Object], at number: Int?, where isGone: (Version) -> Bool
  ) -> [Change] {
    let kept = Set(kept.map(\.watchReference))
    let gone = versions.filter { scope.contains($0.key) && !kept.contains($0.key) && isGone($0.value) }
    return gone.compactMap { reference, known in
      tombstones.insert(known.uid, version: number)
      return remove(reference)
    }
  }

  private mutating func remove(_ reference: ObjectReference) -> Change? {
    versions[reference] = nil
    return values.removeValue(forKey: reference).map { .removed(reference, $0) }
  }
}

extension Object {
  fileprivate var watchReference: ObjectReference {
    ObjectReference(kind: kind, namespace: namespace, name: name)
  }
}
