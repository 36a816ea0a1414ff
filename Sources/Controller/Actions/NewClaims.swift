import ClusterAPI
import KubeDirector
import Logging
import Upgrade
import Values

// The volume claims that the StatefulSets of an adopted cluster create for new members. KubeDirector's claim template
// names the cluster as their owner, so Kubernetes would delete them with the cluster.

extension Engine {
  /// Which of the cluster's new claims exist, and whether the cluster owns them; nil if there are none to read, or if
  /// they may not be read. Only daemons that prune have that permission by default.
  ///
  /// Claims are not watched. They are read in the steps between the creation of a member and the end of its set-up,
  /// never during an upgrade, and nothing waits for them.
  func newClaims(of cluster: Object, _ status: ClusterStatus?) async -> [String: ClaimOwnership]? {
    guard let status, status.upgradeInfo == nil, let names = status.adopted?.newClaims, !names.isEmpty else {
      return nil
    }
    do throws(APIError) {
      let mine: LabelSelector = [Wire.Label.cluster: cluster.name]
      let claims = try await api.list(.volumeClaims, namespace: cluster.namespace, labels: mine).items
      var found: [String: ClaimOwnership] = [:]
      for claim in claims where names.contains(claim.name) {
        let isOwned = claim.owners.contains { $0.uid == cluster.uid }
        found[claim.name] = isOwned ? .owned : .released
      }
      return found
    } catch {
      logger.warning(
        "claims.unread",
        metadata: [
          "cluster": "\(cluster.objectName)", "error": "\(error)",
          "claims": "\(names.joined(separator: " "))",
        ])
      return nil
    }
  }
}

extension ActionExecutor {
  /// Removes the cluster from the owners of a claim. Does nothing if it is not one of them.
  func release(_ claim: String, _ context: Context) async throws(APIError) {
    let mine: LabelSelector = [Wire.Label.cluster: context.name.name]
    let claims = try await api.list(.volumeClaims, namespace: context.name.namespace, labels: mine).items
    guard let found = claims.first(where: { $0.name == claim }) else { return }
    let owners = found.json["metadata"]?["ownerReferences"]?.array ?? []
    let kept = owners.filter { $0["uid"]?.string != context.owner.uid }
    guard kept != owners else { return }
    let patch: JSON = [
      "metadata": ["resourceVersion": .string(found.resourceVersion), "ownerReferences": .array(kept)]
    ]
    _ = try await api.patch(.volumeClaims, found.objectName, merge: patch)
  }
}
