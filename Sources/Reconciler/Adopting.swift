import ClusterAPI
import KubeDirector
import Rules
import Values

/// The adoption of a running cluster, as its objects require it.
enum ClusterAdoption {
  /// kdops created the objects. Only the owner of the cluster changes, unless there are mismatches.
  case own([ShapeMismatch])
  /// KubeDirector's operator created the objects.
  case foreign(ForeignAdoption, sets: [Object], claims: [Object])
}

// Adoption: checks that the engine can manage a running cluster, and prepares the objects of KubeDirector's operator
// before the installation becomes the owner of the cluster.
extension Reconciler {
  /// Checks whether a cluster can be adopted.
  ///
  /// - Returns: nil if the cluster can be adopted.
  func obstacle(toAdopting cluster: Object) async -> OwnershipGuard.AdoptionObstacle? {
    do throws(APIError) {
      switch try await adoption(of: cluster) {
      case .own(let mismatches): return mismatches.isEmpty ? nil : .shape(mismatches)
      case .foreign(let adoption, _, _):
        return adoption.status == nil ? .foreignObjects(adoption.problems) : nil
      }
    } catch {
      return .unread(error)
    }
  }

  private func adoption(of cluster: Object) async throws(APIError) -> ClusterAdoption {
    let mine: LabelSelector = [Wire.Label.cluster: cluster.name]
    let sets = try await api.list(.statefulSets, namespace: cluster.namespace, labels: mine).items
    let services = try await api.list(.services, namespace: cluster.namespace, labels: mine).items
      .map(\.json)
    let setsJSON = sets.map(\.json)
    guard ClusterShape.isForeign(cluster: cluster.json, sets: setsJSON) else {
      // Only daemons that prune have permission to read claims, and the StatefulSets show most mismatches.
      let claims = settings.policy.prune ? try await self.claims(of: cluster).map(\.json) : []
      return .own(
        ClusterShape.adoptionMismatches(
          cluster: cluster.json, sets: setsJSON, services: services, claims: claims))
    }
    var objects = ForeignObjects(cluster: cluster.json, sets: setsJSON, services: services, claims: nil)
    let withoutClaims = ForeignAdoption(objects)
    let isRejected = withoutClaims.status == nil
    // A daemon that does not prune may have no permission to read claims, so it does not ask without need.
    let needsClaims =
      settings.policy.prune
      || !isRejected && ForeignAdoption.hasVolumes(cluster: cluster.json, sets: setsJSON)
    guard needsClaims else { return .foreign(withoutClaims, sets: sets, claims: []) }
    do throws(APIError) {
      let claims = try await self.claims(of: cluster)
      objects.claims = claims.map(\.json)
      return .foreign(ForeignAdoption(objects), sets: sets, claims: claims)
    } catch {
      // Other problems are reported first: the user has to repair them in any case.
      guard isRejected else { throw error }
      return .foreign(withoutClaims, sets: sets, claims: [])
    }
  }

  private func claims(of cluster: Object) async throws(APIError) -> [Object] {
    let mine: LabelSelector = [Wire.Label.cluster: cluster.name]
    return try await api.list(.volumeClaims, namespace: cluster.namespace, labels: mine).items
  }

  /// Prepares a cluster of KubeDirector's operator for the engine; does nothing for one that kdops created.
  ///
  /// The order lets a daemon that is killed after any write continue. The engine ignores the cluster until the caller
  /// has written the owner, and needs the annotations and the status from then on. Without an image annotation it would
  /// write a new template into each StatefulSet. Claims are released before, so that no cluster of this installation
  /// takes its volumes along when it is deleted.
  ///
  /// - Returns: the cluster without the finalizer of that operator, for the write that makes this installation its owner.
  /// - Throws: `.conflict` if an object has changed since the change was judged.
  func prepareAdoption(of cluster: Object) async throws(APIError) -> Object {
    guard case .foreign(let adoption, let sets, let claims) = try await adoption(of: cluster) else {
      return cluster
    }
    guard let status = adoption.status else {
      throw APIError(.conflict, "the objects of \(cluster.reference) have changed")
    }
    var finalizers: [String] = []
    for entry in adoption.entries {
      switch entry.decision {
      case .write(let annotations, let removed):
        finalizers += removed
        if entry.kind == Resource.statefulSets.kind, let set = sets.first(where: { $0.name == entry.name }) {
          try await annotate(set, annotations)
        }
      case .release:
        if let claim = claims.first(where: { $0.name == entry.name }) {
          try await release(claim, from: cluster)
        }
      case .keep, .reject: break
      }
    }
    var prepared = cluster
    if prepared.json["status"] != status.json {
      prepared.json["status"] = status.json
      prepared = try await api.updateStatus(prepared)
      liveState.put(prepared)
    }
    let kept = prepared.json["metadata"]?["finalizers"]?.array?.filter { finalizer in
      !finalizers.contains { finalizer.string == $0 }
    }
    prepared.json["metadata"]?["finalizers"] = kept.flatMap { $0.isEmpty ? nil : .array($0) }
    return prepared
  }

  private func annotate(_ set: Object, _ annotations: [String: String]) async throws(APIError) {
    guard annotations.contains(where: { set.annotation($0.key) != $0.value }) else { return }
    let patch: JSON = [
      "metadata": ["resourceVersion": .string(set.resourceVersion), "annotations": JSON(annotations)]
    ]
    _ = try await api.patch(.statefulSets, set.objectName, merge: patch)
  }

  /// Removes the cluster from the owners of a claim.
  private func release(_ claim: Object, from cluster: Object) async throws(APIError) {
    let owners = claim.json["metadata"]?["ownerReferences"]?.array ?? []
    let patch: JSON = [
      "metadata": [
        "resourceVersion": .string(claim.resourceVersion),
        "ownerReferences": .array(owners.filter { $0["uid"]?.string != cluster.uid }),
      ]
    ]
    _ = try await api.patch(.volumeClaims, claim.objectName, merge: patch)
  }
}
