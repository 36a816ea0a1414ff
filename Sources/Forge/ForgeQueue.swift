/// What is still to be told, the newest of each commit, and of the newest commits where there are too many.
struct ForgeQueue {
  static let limit = 64

  private var order: [String] = []
  private var states: [String: CommitState] = [:]

  var first: CommitState? { order.first.flatMap { states[$0] } }
  var isEmpty: Bool { order.isEmpty }
  var count: Int { order.count }

  mutating func put(_ state: CommitState) {
    if states.updateValue(state, forKey: state.commit) == nil {
      order.append(state.commit)
      if order.count > Self.limit { states[order.removeFirst()] = nil }
    }
  }

  /// Takes a state out, unless a newer one has taken its place.
  mutating func remove(_ state: CommitState) {
    guard states[state.commit] == state else { return }
    states[state.commit] = nil
    order.removeAll { $0 == state.commit }
  }
}
