import KubeDirector
import Values

/// Builds `configmeta.json`, which app packages read through configcli to learn about their own node and the rest of
/// the cluster.
///
/// The format is KubeDirector's (`pkg/catalog`), and existing packages depend on it, also on the order: configcli lists
/// keys as they are in the file, and KubeDirector sorts roles, services, and host names. Data that several places
/// share is written once, below its node group; the places refer to it by path.
struct ConfigMeta {
  let cluster: Cluster
  let status: ClusterStatus
  let app: AppSpec
  let clusterDomain: String
  /// Derives the tokens of members.
  let stamp: Stamp
  var connections = Connections()
  /// The path of this cluster's data in another cluster's file; empty for its own file.
  var path: [String] = []

  private static let nodeGroup = "1"

  func json(role: String, member: MemberStatus) -> JSON {
    var meta = shared
    meta["node"] = node(role: role, member)
    meta["connections"] = connections.json(clusterDomain, stamp)
    // In its own role a member finds its own tokens.
    let place: FieldPath = ["nodegroups", .key(Self.nodeGroup), "roles", .key(role), "services"]
    for (id, _) in meta[place]?.object ?? [:] where app.service(id)?.hasAuthToken == true {
      let own = JSON.string(token(of: member))
      meta["nodegroups"]?[Self.nodeGroup]?["roles"]?[role]?["services"]?[id]?["authToken"] = own
    }
    return meta
  }

  private func token(of member: MemberStatus) -> String {
    stamp.token(of: member.pod, cluster: cluster.metadata.uid ?? "")
  }

  /// The data that is the same for every member. Connected clusters see only this part.
  var shared: JSON {
    [
      "version": .string("\(app.configSchemaVersion)"),
      "services": services(),
      "nodegroups": [
        Self.nodeGroup: [
          "roles": roles(), "distro_id": .string(app.distroID), "catalog_entry_version": .string(app.version),
          "config_metadata": JSON(app.configMeta),
        ]
      ],
      "distros": [app.distroID: [Self.nodeGroup: reference([])]],
      "cluster": [
        "name": .string(cluster.metadata.name), "isolated": false, "id": .string(cluster.metadata.uid ?? ""),
        "config_metadata": [Self.nodeGroup: reference(["config_metadata"])],
      ],
    ]
  }

  /// The data as connected clusters see it. Like KubeDirector, it names what it does not contain.
  var asConnection: JSON {
    var meta = shared
    meta["node"] = .some(.null)
    meta["connections"] = ["clusters": .null, "configmaps": .null, "secrets": .null]
    return meta
  }

  private var domain: String {
    DerivedNames.domain(of: cluster.metadata, clusterDomain: clusterDomain, adopted: status.adopted)
  }

  private func fqdn(_ member: MemberStatus) -> String { "\(member.pod).\(domain)" }

  /// A reference to another place in the file: a path from the node group down.
  private func reference(_ path: [String]) -> JSON {
    ["bdvlibrefkey": JSON(self.path + ["nodegroups", Self.nodeGroup] + path)]
  }

  private func node(role: String, _ member: MemberStatus) -> JSON {
    [
      "role_id": .string(role), "nodegroup_id": .string(Self.nodeGroup), "id": .string("\(member.nodeID)"),
      "hostname": .string(fqdn(member)), "fqdn": .string(fqdn(member)), "domain": .string(domain),
      "distro_id": .string(app.distroID), "depends_on": .object([:]),
    ]
  }

  private func staying(_ role: String) -> [MemberStatus] {
    status.role(role)?.members.filter { $0.state != .deletePending && $0.state != .deleting } ?? []
  }

  private func roles() -> JSON {
    var out: JSON = [:]
    for role in roleNames {
      guard let spec = cluster.spec.role(role.id) else { continue }
      let members = staying(role.id)
      if members.isEmpty { continue }
      let names = members.map(fqdn)
      let ids = members.map { "\($0.nodeID)" }
      out[role.id] = [
        "services": services(of: role, members), "node_ids": JSON(ids), "hostnames": JSON(names),
        "fqdns": JSON(names),
        "fqdn_mappings": JSON(Dictionary(zip(names, ids), uniquingKeysWith: { first, _ in first })),
        "flavor": flavor(spec),
        // No member has devices, and no file may contain keys: `cluster/not-carried`, `cluster/plaintext-secret`.
        "secret_keys": [:], "block_device_paths": .null,
      ]
    }
    return out
  }

  /// The roles of the app by name.
  private var roleNames: [ResolvedRole] { app.resolvedRoles.sorted { $0.id < $1.id } }

  /// The role's resource limits. Memory is in MiB, rounded down; cores are rounded up to whole ones.
  private func flavor(_ role: ClusterRole) -> JSON {
    let memory = role.limits["memory"].flatMap(Quantity.init).map { "\($0.wholeUnits >> 20)" } ?? ""
    let cores = role.limits["cpu"].flatMap(Quantity.init).map { "\($0.wholeUnits)" } ?? ""
    return [
      "storage": "n/a", "name": "n/a", "memory": .string(memory), "description": "n/a",
      "cores": .string(cores),
    ]
  }

  /// A service has one token here: that of the first member, whose endpoint is the first too.
  private func services(of role: ResolvedRole, _ members: [MemberStatus]) -> JSON {
    var out: JSON = [:]
    for id in role.serviceIDs.sorted() {
      guard let service = app.service(id) else { continue }
      let endpoints = members.map { member -> JSON in .string(service.endpoint(on: fqdn(member))) }
      let common = service.hasAuthToken ? members.first.map { token(of: $0) } ?? "" : ""
      out[id] = [
        "qualifiers": .array([]), "name": .string(service.label), "id": .string(id),
        "hostnames": reference(["roles", role.id, "hostnames"]),
        "global_id": .string("\(Self.nodeGroup)_\(role.id)_\(id)"),
        "fqdns": reference(["roles", role.id, "fqdns"]),
        "exported_service": .string(service.exported ?? ""), "endpoints": .array(endpoints),
        "authToken": .string(common),
      ]
    }
    return out
  }

  /// Every service of the cluster by id, node group and role, as references.
  private func services() -> JSON {
    var out: JSON = [:]
    for id in Set(app.resolvedRoles.flatMap(\.serviceIDs)).sorted() {
      for role in roleNames
      where role.serviceIDs.contains(id) && cluster.spec.role(role.id) != nil && !staying(role.id).isEmpty {
        var byRole = out[id]?[Self.nodeGroup] ?? [:]
        byRole[role.id] = reference(["roles", role.id, "services", id])
        out[id] = [Self.nodeGroup: byRole]
      }
    }
    return out
  }
}
