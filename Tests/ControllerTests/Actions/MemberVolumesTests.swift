import KubeDirector
import Testing
import Values

@testable import Controller

@Suite("The volumes of a member")
struct MemberVolumesTests {
  @Test("are only its claim if the role requests nothing else")
  func none() throws {
    #expect(try Fixture.pod(of: "gateway")["volumes"] == nil)
    #expect(try Fixture.pod(of: "gateway")["containers"]?[0]?["volumeMounts"] == nil)
    #expect(try Fixture.pod(of: "worker")["volumes"] == nil)
  }

  @Test("include a memory volume of the requested size at /dev/shm, after the folders of the claim")
  func sharedMemory() throws {
    let fields: JSON = ["sharedMemory": "1Gi"]
    for role in ["gateway", "worker"] {
      let plain = try Fixture.pod(of: role)["containers"]?[0]?["volumeMounts"]?.array ?? []
      let pod = try Fixture.pod(of: role, fields)
      #expect(
        pod["volumes"] == [
          ["name": "shared-memory", "emptyDir": ["medium": "Memory", "sizeLimit": "1Gi"]]
        ])
      #expect(
        pod["containers"]?[0]?["volumeMounts"]
          == .array(plain + [["name": "shared-memory", "mountPath": "/dev/shm"]]))
    }
  }

  @Test("include no second mount at /dev/shm if the app persists it")
  func persistedSharedMemory() {
    let role = ClusterRole(["id": "a", "sharedMemory": "1Gi"])
    #expect(MemberVolumes(role: role, usesSystemd: false, persisted: ["/dev/shm"]).mounts == [])
  }

  @Test("include the Secret of the role, else the default Secret of the cluster")
  func secret() throws {
    let common: JSON = ["defaultSecret": ["name": "site-keys", "mountPath": "/site", "defaultMode": 256]]
    let own: JSON = ["secret": ["name": "keys", "mountPath": "/keys", "readOnly": true]]
    let pod = try Fixture.pod(of: "gateway", own, clusterFields: common)
    #expect(pod["volumes"] == [["name": "secret", "secret": ["secretName": "keys"]]])
    #expect(
      pod["containers"]?[0]?["volumeMounts"] == [["name": "secret", "mountPath": "/keys", "readOnly": true]])
    let other = try Fixture.pod(of: "controller", clusterFields: common)
    #expect(
      other["volumes"] == [["name": "secret", "secret": ["secretName": "site-keys", "defaultMode": 256]]])
    #expect(other["containers"]?[0]?["volumeMounts"] == [["name": "secret", "mountPath": "/site"]])
  }

  @Test("include file systems in memory for an image that runs systemd, unless the claim has the folder")
  func systemd() throws {
    let pod = try Fixture.pod(of: "gateway", appFields: ["systemdRequired": true])
    let memory: JSON = ["medium": "Memory"]
    #expect(
      pod["volumes"] == [
        ["name": "memory-tmp", "emptyDir": memory], ["name": "memory-run", "emptyDir": memory],
        ["name": "memory-run-lock", "emptyDir": memory],
      ])
    #expect(
      pod["containers"]?[0]?["volumeMounts"] == [
        ["name": "memory-tmp", "mountPath": "/tmp"], ["name": "memory-run", "mountPath": "/run"],
        ["name": "memory-run-lock", "mountPath": "/run/lock"],
      ])
    let volumes = MemberVolumes(
      role: ClusterRole(["id": "worker"]), usesSystemd: true, persisted: ["/etc", "/tmp"])
    #expect(volumes.mounts.map { $0["mountPath"] } == ["/run", "/run/lock"])
  }

  @Test("include existing volume claims")
  func projections() throws {
    let pod = try Fixture.pod(
      of: "gateway",
      [
        "volumeProjections": [
          ["pvcName": "shared", "mountPath": "/shared"],
          ["pvcName": "models", "mountPath": "/models", "readOnly": true],
        ]
      ])
    #expect(
      pod["volumes"] == [
        ["name": "projected-0", "persistentVolumeClaim": ["claimName": "shared"]],
        ["name": "projected-1", "persistentVolumeClaim": ["claimName": "models", "readOnly": true]],
      ])
    #expect(
      pod["containers"]?[0]?["volumeMounts"] == [
        ["name": "projected-0", "mountPath": "/shared"],
        ["name": "projected-1", "mountPath": "/models", "readOnly": true],
      ])
  }
}
