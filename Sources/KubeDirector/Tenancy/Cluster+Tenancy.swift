import Values

extension Cluster {
  /// The cluster without fields that the administrator has not allowed.
  ///
  /// For code that creates objects from it: the spec may have been written without the rules, or when the lists
  /// allowed more.
  public func restricted(to tenancy: Tenancy) -> Cluster {
    var cluster = self
    cluster.spec.restrict(to: tenancy, namespace: metadata.namespace)
    return cluster
  }
}

extension ClusterSpec {
  /// Removes the fields that are not allowed. `raw` keeps them.
  fileprivate mutating func restrict(to tenancy: Tenancy, namespace: String) {
    if let type = serviceType, !tenancy.allows(serviceType: type) { serviceType = nil }
    connections.secrets.removeAll { !tenancy.secretPrefix.allows($0) }
    for index in roles.indices { roles[index].restrict(to: tenancy, namespace: namespace) }
  }
}

extension ClusterRole {
  fileprivate mutating func restrict(to tenancy: Tenancy, namespace: String) {
    podLabels = tenancy.podLabels.allowed(podLabels)
    podAnnotations = tenancy.podAnnotations.allowed(podAnnotations)
    serviceLabels = tenancy.serviceLabels.allowed(serviceLabels)
    serviceAnnotations = tenancy.serviceAnnotations.allowed(serviceAnnotations)
    env.removeAll { variable in !variable.sources.allSatisfy(tenancy.allows) }
    if let mount = secret,
      !tenancy.secretPrefix.allows(mount.name) || !ContainerPath.allowsMount(at: mount.path)
    {
      secret = nil
    }
    volumeProjections.removeAll { volume in
      !tenancy.claimPrefix.allows(volume.claim) || !ContainerPath.allowsMount(at: volume.path)
    }
    fileInjections.removeAll { file in
      !tenancy.allows(fileSource: file.source) || !file.hasValidFolder || !file.hasValidOwner
    }
    if let account = serviceAccountName, !tenancy.allows(serviceAccount: account) { serviceAccountName = nil }
    affinity = affinity.map { affinity in
      PodAffinity.filtered(affinity) {
        tenancy.allows(PodAffinityTerm(path: .root, content: $0), in: namespace)
      }
    }
  }
}

extension AppSpec {
  /// The app without capabilities that the administrator has not allowed.
  public func restricted(to tenancy: Tenancy) -> AppSpec {
    if capabilities.isEmpty { return self }
    var app = self
    app.capabilities.removeAll { !tenancy.allows(capability: $0) }
    return app
  }
}
