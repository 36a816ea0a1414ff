import ClusterAPI
import Diagnostics

/// The objects that are listed and watched together.
public struct WatchScope: Sendable, Hashable {
  public var resource: Resource
  /// Nil for all namespaces.
  public var namespace: String?

  public init(_ resource: Resource, namespace: String? = nil) {
    (self.resource, self.namespace) = (resource, namespace)
  }

  func contains(_ reference: ObjectReference) -> Bool {
    reference.kind == resource.kind && (namespace == nil || namespace == reference.namespace)
  }
}

/// The value that is stored for a watched object.
public protocol WatchedValue: Sendable {
  /// Nil for an object that is of no interest.
  init?(watched object: Object)
}

extension Object: WatchedValue {
  public init?(watched object: Object) { self = object }
}

/// The objects that watches report, each in its newest version. Indices are built on the changes that it returns.
public struct WatchedObjects<Value: WatchedValue>: Sendable {
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

  private struct Version {
    var uid: String
    /// Nil if the server's versions are not numbers; then the last report counts.
    var number: Int?
  }

  /// The stored objects.
  public private(set) var values: [ObjectReference: Value] = [:]
  private var versions: [ObjectReference: Version] = [:]
  private var listed: Set<WatchScope> = []
  private var tombstones: Tombstones

  /// - Parameter tombstones: the number of deleted objects that are remembered.
  public init(tombstones: Int = 256) { self.tombstones = Tombstones(limit: tombstones) }

  /// Whether a scope was listed once; until then, a missing object does not mean that it was deleted.
  public func isListed(_ scope: WatchScope) -> Bool { listed.contains(scope) }

  /// Applies a watched change.
  public mutating func take(_ change: FollowedChange, of scope: WatchScope) -> [Change] {
    switch change {
    case .all(let all):
      listed.insert(scope)
      let now = Set(all.map(\.watchReference))
      let gone = values.keys.filter { scope.contains($0) && !now.contains($0) }
      return gone.compactMap { remove($0) } + all.compactMap { put($0) }
    case .changed(let object): return put(object).map { [$0] } ?? []
    case .removed(let object):
      let reference = object.watchReference
      guard let known = versions[reference], known.uid == object.uid else { return [] }
      tombstones.insert(object.uid)
      return remove(reference).map { [$0] } ?? []
    }
  }

  /// Merges a list that was requested while the watch runs; the newer version of each object wins.
  public mutating func merge(_ list: ObjectList, of scope: WatchScope) -> [Change] {
    let now = Set(list.items.map(\.watchReference))
    let gone = versions.filter { reference, version in
      guard scope.contains(reference), !now.contains(reference), let known = version.number,
        let listed = Int(list.resourceVersion)
      else { return false }
      return known <= listed
    }.keys
    return gone.compactMap { remove($0) } + list.items.compactMap { put($0) }
  }

  /// Stores an object unless it was deleted or a newer version is known; nil if it was not stored.
  public mutating func put(_ object: Object) -> Change? {
    guard !tombstones.contains(object.uid), let value = Value(watched: object) else { return nil }
    let reference = object.watchReference
    let version = Version(uid: object.uid, number: Int(object.resourceVersion))
    if let known = versions[reference], known.uid == version.uid, let old = known.number,
      let new = version.number, new <= old
    {
      return nil
    }
    versions[reference] = version
    return .stored(reference, value, replaced: values.updateValue(value, forKey: reference))
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

  /// Whether this is a newer version than a known object of the same name. Resource versions are increasing numbers on
  /// every supported server, also across objects of the same name.
  public func isNewer(than known: Object?) -> Bool {
    guard let known, let old = Int(known.resourceVersion), let new = Int(resourceVersion) else { return true }
    return new > old
  }
}
