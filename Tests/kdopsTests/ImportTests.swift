import ClusterAPI
import Diagnostics
import FoundationEssentials
import KubeDirector
import TestSupport
import Testing
import Values

@testable import kdops

@Suite("kdops import")
struct ImportTests {
  /// An app as KubeDirector's webhook leaves it: each role repeats the app's defaults.
  private static let app = object(
    .apps, "cassandra311", labels: ["team": "data"],
    [
      "label": ["name": "Cassandra"], "distroID": "bluedata/cassandra311", "version": "3.2",
      "configSchemaVersion": 7, "systemdRequired": false, "defaultImageRepoTag": "bluedata/cassandra:4.0",
      "defaultPersistDirs": ["/data"], "defaultEventList": ["configure", "addnodes"],
      "services": [["id": "cql", "label": ["name": "cql"], "endpoint": ["port": 9042, "urlScheme": "cql"]]],
      "roles": [
        [
          "id": "seed", "cardinality": "1+", "imageRepoTag": "bluedata/cassandra:4.0",
          "persistDirs": ["/data"], "eventList": ["configure", "addnodes"], "configPackage": .null,
        ],
        ["id": "worker", "cardinality": "0+", "imageRepoTag": "bluedata/cassandra:4.1"],
      ],
      "config": [
        "configMeta": [:], "selectedRoles": ["seed", "worker"],
        "roleServices": [["roleID": "seed", "serviceIDs": ["cql"]]],
      ],
    ])

  private static let cluster = object(
    .clusters, "ring",
    [
      "app": "cassandra311", "appCatalog": "local", "namingScheme": "CrNameRole", "serviceType": "NodePort",
      "connections": ["clusters": [], "configmaps": [], "secrets": []],
      "roles": [
        [
          "id": "seed", "members": 1, "env": [], "podLabels": [:],
          "resources": ["limits": ["cpu": "2", "memory": "4Gi"], "requests": [:]],
          "storage": ["size": "40Gi", "storageClassName": "fast"],
          "blockStorage": [
            "numDevices": 2, "size": "10Gi", "pathPrefix": "/dev/xvd", "storageClassName": "fast",
          ],
        ]
      ],
    ])

  /// A live object with what the API server and kubectl add.
  private static func object(
    _ resource: Resource, _ name: String, labels: [String: String] = [:], _ spec: JSON
  ) -> Object {
    var object = Object(
      resource, namespace: "prod", name: name, labels: labels,
      annotations: [
        "kubectl.kubernetes.io/last-applied-configuration": "{}", "example.com/owner": "ann",
      ], content: ["spec": spec, "status": ["state": "configured", "generationUID": "1d0e"]])
    object.json["metadata"]?["uid"] = "u-1"
    object.json["metadata"]?["resourceVersion"] = "17"
    object.json["metadata"]?["creationTimestamp"] = "2024-01-01T00:00:00Z"
    object.json["metadata"]?["finalizers"] = ["kubedirector.hpe.com/cleanup"]
    object.json["metadata"]?["managedFields"] = [["manager": "kubectl"]]
    return object
  }

  @Test("writes an app without status, server fields and the defaults that its roles repeat")
  func app() throws {
    let text = try #require(ImportedRepository([Self.app]).files["apps/prod/cassandra311.json"])
    let file = try JSON.parse(Array(text.utf8))
    #expect(file["status"] == nil)
    #expect(
      file["metadata"] == [
        "name": "cassandra311", "namespace": "prod", "labels": ["team": "data"],
        "annotations": ["example.com/owner": "ann", "kdops.dev/adopt": "true"],
      ])
    #expect(
      file["spec"]?["roles"] == [
        ["id": "seed", "cardinality": "1+"],
        ["id": "worker", "cardinality": "0+", "imageRepoTag": "bluedata/cassandra:4.1"],
      ])
    #expect(file["spec"]?["defaultPersistDirs"] == ["/data"])
  }

  @Test("writes a cluster as YAML with sorted members, without empty lists and default values")
  func cluster() {
    #expect(
      ImportedRepository([Self.cluster]).files["clusters/prod/ring.yaml"] == """
        apiVersion: kubedirector.hpe.com/v1beta1
        kind: KubeDirectorCluster
        metadata:
          annotations:
            example.com/owner: ann
            kdops.dev/adopt: "true"
          name: ring
          namespace: prod
        spec:
          app: cassandra311
          appCatalog: local
          roles:
            - blockStorage:
                numDevices: 2
                pathPrefix: "/dev/xvd"
                size: 10Gi
                storageClassName: fast
              id: seed
              members: 1
              resources:
                limits:
                  cpu: "2"
                  memory: 4Gi
                requests: {}
              storage:
                size: 40Gi
                storageClassName: fast
          serviceType: NodePort

        """)
  }

  @Test("gives the same bytes for the same objects in any order, whatever the order of their members")
  func stable() {
    var turned = Self.cluster
    turned.json["spec"] = .object(
      (Self.cluster.json["spec"]?.object ?? [:]).reversed().reduce(into: JSON.Members()) {
        $0[$1.key] = $1.value
      })
    #expect(
      ImportedRepository([Self.app, Self.cluster]).files == ImportedRepository([turned, Self.app]).files)
  }

  @Test("does not request the adoption of an object that an installation owns")
  func owned() {
    var owned = Self.cluster
    owned.json["metadata"]?["labels"] = JSON([Wire.Label.source: "default"])
    owned.json["metadata"]?["annotations"] = JSON([
      Wire.Annotation.commit: "4f2a", Wire.Annotation.stamp: "s", Wire.Annotation.maxUnavailable: "2",
    ])
    let text = ImportedRepository([owned]).files["clusters/prod/ring.yaml"] ?? ""
    #expect(!text.contains("adopt") && !text.contains("4f2a") && !text.contains("labels"))
    #expect(text.contains("kdops.dev/max-unavailable: \"2\""))
  }

  @Test("reports fields that kdops does not carry, at their place in the written file")
  func uncarried() throws {
    let repository = ImportedRepository([Self.app, Self.cluster])
    let finding = try #require(repository.findings.first { $0.rule == "cluster/not-carried" })
    #expect(finding.message.contains("`blockStorage`"))
    let location = try #require(finding.location)
    #expect(location.file == "clusters/prod/ring.yaml")
    #expect(repository.line(location.line, of: location.file)?.contains("blockStorage") == true)
  }

  @Test("skips objects that are being deleted and names that cannot be part of a path, and says so")
  func skipped() {
    var leaving = Self.cluster
    leaving.json["metadata"]?["deletionTimestamp"] = "2024-01-01T00:00:00Z"
    var hostile = Self.app
    hostile.json["metadata"]?["name"] = "../../etc/passwd"
    let repository = ImportedRepository([leaving, hostile])
    #expect(Array(repository.files.keys) == [".kdops.yaml"])
    #expect(repository.skipped.count == 2)
    #expect(repository.skipped.contains("KubeDirectorCluster prod/ring is being deleted"))
  }

  @Test("names files with another content before it writes, and leaves equal files alone")
  func folder() throws {
    let place = try TemporaryFolder()
    let outside = "\(place.path)/outside"
    try FileManager.default.createDirectory(atPath: outside, withIntermediateDirectories: true)
    try FileManager.default.createDirectory(
      atPath: "\(place.path)/linked", withIntermediateDirectories: false)
    try FileManager.default.createSymbolicLink(
      atPath: "\(place.path)/linked/apps", withDestinationPath: outside)
    #expect(throws: ImportFolder.Failure.self) {
      try ImportFolder(path: "\(place.path)/linked").write(["apps/a.json": "{}"])
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: outside) == [])
    let kept = ImportFolder(path: "\(place.path)/kept")
    try kept.write([".kdops.yaml": "schemaVersion: 1\n"])
    let layout = try kept.layout()
    let other = ImportedRepository([Self.app], existing: layout)
    #expect(other.files[".kdops.yaml"] == "schemaVersion: 1\n")
    #expect(kept.conflicts(with: other.files) == [])
    try kept.write(["a": "{}"])
    let partly = #expect(throws: ImportFolder.Failure.self) { try kept.write(["0": "{}", "a/b": "{}"]) }
    #expect(partly?.description.contains("1 of 2 files were written") == true)
    let folder = ImportFolder(path: "\(place.path)/fleet")
    let files = ImportedRepository([Self.app, Self.cluster]).files
    #expect(folder.conflicts(with: files).isEmpty)
    try folder.write(files)
    #expect(folder.conflicts(with: files).isEmpty)
    var changed = files
    changed["clusters/prod/ring.yaml"] = "else\n"
    #expect(folder.conflicts(with: changed) == ["clusters/prod/ring.yaml"])
    try folder.write(changed)
    let content = FileManager.default.contents(atPath: "\(folder.path)/clusters/prod/ring.yaml")
    #expect(content == Data("else\n".utf8))
  }

  @Test("names what to repair in a cluster of KubeDirector's operator, and only there")
  func operatorCheck() async throws {
    var own = Self.cluster
    own.json["status"] = ["state": "configured"]
    let check = try await OperatorCheck([Self.app, own, Self.cluster], api: EmptyAPI())
    #expect(check.clusters == [ObjectName(namespace: "prod", name: "ring")])
    let first = try #require(check.problems.first)
    #expect(first.hasPrefix("prod/ring: KubeDirectorCluster ring: role seed has 0 members"))
  }
}

/// A cluster without objects.
private final class EmptyAPI: ForwardingAPI, @unchecked Sendable {
  override func list(_ resource: Resource, namespace: String?, labels: LabelSelector) async throws(APIError)
    -> ObjectList
  {
    ObjectList(items: [], resourceVersion: "1")
  }
}
