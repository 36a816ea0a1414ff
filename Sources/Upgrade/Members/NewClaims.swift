import KubeDirector

// The volume claims of members that were added to an adopted cluster.
extension ClusterMachine {
  /// Removes the cluster from the owners of new claims. `grow` has recorded their names in the status before the
  /// StatefulSet could create them, so none is forgotten when a daemon is killed.
  mutating func releaseClaims() {
    guard let found = observed.newClaims, let names = status.adopted?.newClaims, !names.isEmpty else {
      return
    }
    let expected = Set(status.members.compactMap(\.volumeClaim))
    status.adopted?.newClaims = names.filter { name in
      switch found[name] {
      case .owned: true
      case .released: false
      // Not created yet, unless its member has left meanwhile.
      case nil: expected.contains(name)
      }
    }
    for name in names where found[name] == .owned { actions.append(.releaseClaim(name: name)) }
  }
}
