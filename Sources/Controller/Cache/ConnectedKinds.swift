import ClusterAPI

/// The kinds that clusters are connected to and that have to be watched. Each is emitted once.
struct ConnectedKinds {
  private let continuation: AsyncStream<Resource>.Continuation
  private var emitted: Set<Resource> = []

  init(_ continuation: AsyncStream<Resource>.Continuation) { self.continuation = continuation }

  /// Emits `configMaps` and `secrets`, each when a cluster is first connected to an object of that kind.
  mutating func emit(_ kinds: Set<Resource>) {
    for kind in kinds.sorted(by: { $0.kind < $1.kind })
    where kind != .clusters && emitted.insert(kind).inserted {
      continuation.yield(kind)
    }
  }
}
