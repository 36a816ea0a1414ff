import KubeDirector

/// The names of a cluster's objects that another cluster could also claim: its headless service, its StatefulSets, and
/// the services of its members, which are not listed one by one.
final class ObjectNames: Sendable {
  private let headless: String
  /// The number of members that each StatefulSet may have, at least one, by the StatefulSet's name.
  private let sets: [String: Int]

  init(_ cluster: Cluster) {
    let name = cluster.metadata.name
    headless = DerivedNames.headlessService(cluster: name)
    var sets: [String: Int] = [:]
    let names = DerivedNames.statefulSets(cluster: name, roles: cluster.spec.roles.map(\.id))
    for (set, role) in zip(names, cluster.spec.roles) {
      let members = min(max(role.members ?? 1, 1), ClusterSpec.memberLimit)
      sets[set] = max(sets[set] ?? 0, members)
    }
    self.sets = sets
  }

  /// A name that both clusters claim, the first in alphabetical order; nil if there is none.
  ///
  /// The services of two members can only have the same name if their StatefulSets do, because the ordinal follows the
  /// last dash of both.
  func shared(with other: ObjectNames) -> String? {
    var found: [String] = []
    if other.has(headless) { found.append(headless) }
    if has(other.headless) { found.append(other.headless) }
    let (few, many) = sets.count <= other.sets.count ? (self, other) : (other, self)
    found += few.sets.keys.filter(many.has)
    found += many.sets.keys.filter(few.hasMember)
    return found.min()
  }

  private func has(_ name: String) -> Bool { name == headless || sets[name] != nil || hasMember(name) }

  private func hasMember(_ name: String) -> Bool {
    guard let (set, ordinal) = DerivedNames.podParts(name), let members = sets[set] else { return false }
    return ordinal < members
  }
}
