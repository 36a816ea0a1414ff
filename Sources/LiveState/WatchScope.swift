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

/// A value that is made from the object alone.
public protocol WatchedValue: Sendable {
  /// Creates the value; nil for an object that is not stored.
  init?(watched object: Object)
}

extension Object: WatchedValue {
  public init?(watched object: Object) { self = object }
}

extension WatchedObjects where Value: WatchedValue {
  /// Applies a watched change.
  public mutating func take(_ change: FollowedChange, of scope: WatchScope) -> [Change] {
    take(change, of: scope) { object, _ in Value(watched: object) }
  }

  /// Merges a list that was requested while the watch runs.
  public mutating func merge(_ list: ObjectList, of scope: WatchScope) -> [Change] {
    merge(list, of: scope) { object, _ in Value(watched: object) }
  }

  /// Stores an object that a write has returned; nil if it was not stored.
  public mutating func put(_ object: Object) -> Change? {
    put(object) { object, _ in Value(watched: object) }
  }
}
