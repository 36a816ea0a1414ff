import KubeDirector
import Testing
import Values

@Suite("Mounts of a cluster")
struct MountTests {
  @Test(
    "are refused over folders of the system and of the daemon, in any spelling",
    arguments: [
      "/", "/etc", "//etc/.", "/keys/../etc", "/opt", "/opt/guestconfig", "/opt/guestconfig/a", "/usr",
      "/var",
      "/etc/guestconfig", "/dev", "/dev/shm", "/proc/sys", "/sys/fs", "/run", "/tmp", "/kdops/volume", "keys",
      "",
    ])
  func refused(path: String) { #expect(!ContainerPath.allowsMount(at: path)) }

  @Test(
    "are allowed elsewhere, also inside folders of the system",
    arguments: ["/keys", "/etc/krb5", "/opt/keys", "/opt/guestconfigs", "/usr/share/keys", "/var/lib/keys"])
  func allowed(path: String) { #expect(ContainerPath.allowsMount(at: path)) }

  private func secrets(_ prefix: NamePrefix) -> [String?] {
    let spec: JSON = [
      "app": "a", "defaultSecret": ["name": "site-keys", "mountPath": "/site"],
      "roles": [
        ["id": "a", "secret": ["name": "keys", "mountPath": "/keys"]], ["id": "b"],
        ["id": "c", "secret": nil],
        ["id": "d", "secret": ["name": "site-d", "mountPath": "/etc"]],
      ],
    ]
    let cluster = Cluster(metadata: Metadata(name: "c", namespace: "n"), spec: ClusterSpec(spec))
    return cluster.restricted(to: Tenancy(secretPrefix: prefix)).spec.roles.map { $0.secret?.name }
  }

  @Test("include no Secret unless the prefix of its name is allowed, and none at a reserved path")
  func tenancy() {
    #expect(secrets(.none) == [nil, nil, nil, nil])
    #expect(secrets(.prefix("site-")) == [nil, "site-keys", "site-keys", nil])
    #expect(secrets(.any) == ["keys", "site-keys", "site-keys", nil])
  }

  @Test("include no volume unless the prefix of its claim is allowed, and none at a reserved path")
  func volumes() {
    let role: JSON = [
      "id": "a",
      "volumeProjections": [
        ["pvcName": "shared-a", "mountPath": "/a"], ["pvcName": "p-ledger-0", "mountPath": "/b"],
        ["pvcName": "shared-c", "mountPath": "/etc/../usr"],
      ],
    ]
    let cluster = Cluster(
      metadata: Metadata(name: "c", namespace: "n"), spec: ClusterSpec(["app": "a", "roles": [role]]))
    func claims(_ prefix: NamePrefix) -> [String] {
      cluster.restricted(to: Tenancy(claimPrefix: prefix)).spec.roles[0].volumeProjections.map(\.claim)
    }
    #expect(claims(.none) == [])
    #expect(claims(.prefix("shared-")) == ["shared-a"])
    #expect(claims(.any) == ["shared-a", "p-ledger-0"])
  }
}
