import ClusterAPI
import KubeDirector
import Manifests
import Rules
import TestSupport
import Testing
import Values

@testable import Views

@Suite("The diff between git's head and live objects")
struct DiffTests {
  private func app(_ version: String, image: String = "spark:1") -> JSON {
    [
      "apiVersion": "kubedirector.hpe.com/v1beta1", "kind": "KubeDirectorApp",
      "metadata": ["name": .string("spark-\(version)"), "namespace": "prod"],
      "spec": [
        "label": ["name": "Spark"], "distroID": "spark", "version": .string(version),
        "configSchemaVersion": 8,
        "roles": [["id": "worker", "cardinality": "1+", "imageRepoTag": .string(image)]],
        "config": ["selectedRoles": ["worker"], "roleServices": [], "configMeta": [:]],
      ],
    ]
  }

  private func cluster(
    _ name: String, app: String = "spark-1.0.0", memory: String = "1Gi", password: String = "old",
    annotations: [String: String] = [:]
  ) -> JSON {
    [
      "apiVersion": "kubedirector.hpe.com/v1beta1", "kind": "KubeDirectorCluster",
      "metadata": ["name": .string(name), "namespace": "prod", "annotations": JSON(annotations)],
      "spec": [
        "app": .string(app),
        "roles": [
          [
            "id": "worker", "members": 2,
            "resources": ["limits": ["memory": .string(memory), "cpu": "1"]],
            "env": [["name": "PASSWORD", "value": .string(password)]],
          ]
        ],
      ],
    ]
  }

  private func live(_ json: JSON, owner: String? = "default") -> Object {
    var object = Object(json)
    object.json["metadata"]?["labels"] = owner.map { ["kdops.dev/source": .string($0)] }
    object.json["metadata"]?["annotations"]?["kdops.dev/path"] = "clusters/gone.yaml"
    return object
  }

  private func diff(_ head: [JSON], _ live: [Object], unread: [String] = []) -> LiveDiff {
    var snapshot = Snapshot(defaultNamespace: "prod")
    for (index, json) in head.enumerated() {
      let file = ManifestFile.parse(
        path: "fleet/\(index).json", bytes: Array(json.text().utf8), defaultNamespace: "prod")
      _ = snapshot.update(file)
    }
    return LiveDiff(
      head: snapshot, unread: unread, live: live, installation: "default", systemNamespace: "kdops-system")
  }

  @Test("an equivalent spec is equal; annotations that others set on the live object are ignored")
  func same() {
    let other = cluster("a", memory: "1024Mi")
    let found = diff(
      [app("1.0.0"), cluster("a")],
      [live(app("1.0.0")), live(other.settingAnnotation("kdops.dev/suspend", "true"))])
    #expect(found.entries.map(\.state) == [.same, .same])
    #expect(found.isSame)
  }

  @Test("differences are listed by field; missing, extra, foreign and unreadable objects by a word")
  func differs() throws {
    let found = diff(
      [
        app("1.0.0"), app("1.1.0"),
        cluster("a", app: "spark-1.1.0", memory: "2Gi", password: "new", annotations: ["team": "x"]),
        cluster("b"), cluster("c"),
        [
          "apiVersion": "kubedirector.hpe.com/v1beta1", "kind": "KubeDirectorCluster",
          "metadata": ["name": "d", "namespace": "prod"], "spec": ["app": 7],
        ],
      ],
      [
        live(app("1.0.0")), live(cluster("a")), live(cluster("b"), owner: "other"),
        live(cluster("c"), owner: nil),
        live(cluster("d")), live(cluster("e")), live(cluster("f"), owner: nil),
      ], unread: ["clusters/broken.yaml"])
    let text = DiffText(width: 160).lines(found, head: "4f2c9ab0c1d2", place: "the cluster").joined(
      separator: "\n")
    #expect(try text + "\n" == Golden.stored("diff.txt", recording: text + "\n"))
    let json = DiffJSON.json(found, head: "4f2c9ab0c1d2").text(pretty: true)
    #expect(try json + "\n" == Golden.stored("diff.json", recording: json + "\n"))
    #expect(!found.isSame)
    #expect(found.cannotTell)
  }

  @Test("a cluster of KubeDirector's operator is compared, with what its adoption writes to each object")
  func adopted() throws {
    var old = live(cluster("a", memory: "2Gi"), owner: nil)
    old.json["metadata"]?["uid"] = "u-1"
    old.json["status"] = ["state": "updating", "clusterService": "kdhs-2b7qd"]
    let file = cluster("a", annotations: ["kdops.dev/adopt": "true"])
    var snapshot = Snapshot(defaultNamespace: "prod")
    _ = snapshot.update(
      ManifestFile.parse(path: "a.json", bytes: Array(file.text().utf8), defaultNamespace: "prod"))
    let claim: JSON = ["metadata": ["name": "p-a-0", "ownerReferences": [["uid": "u-1"]]]]
    let adoption = ForeignAdoption(ForeignObjects(cluster: old.json, claims: [claim]))
    let reference = try #require(snapshot.references.first)
    let found = LiveDiff(
      head: snapshot, unread: [], live: [old], installation: "default", systemNamespace: "kdops-system",
      adoptions: [reference: adoption])
    #expect(found.entries.map(\.state) == [.foreign] && !found.isSame)
    let text = DiffText(width: 200).lines(found, head: "x", place: "y").joined(separator: "\n")
    #expect(text.contains("belongs to no installation, and its file adopts it"))
    #expect(text.contains("2Gi in the cluster, 1Gi in git"))
    #expect(text.contains("KubeDirectorCluster a cannot be adopted: its state is `updating`"))
    #expect(text.contains("PersistentVolumeClaim p-a-0 is no longer owned by the cluster"))
    let json = DiffJSON.json(found, head: "x")["objects"]?[0]
    #expect(json?["adopted"] == true && json?["adoption"]?.array?.isEmpty == false)
  }

  @Test("secret values are in neither form")
  func secrets() {
    let found = diff([cluster("a", password: "hunter2")], [live(cluster("a", password: "swordfish"))])
    let lines = DiffText().lines(found, head: "x", place: "y")
    #expect(lines.last == "  roles[worker].env[0].value differs")
    let text = lines.joined() + DiffJSON.json(found, head: "x").text()
    #expect(!text.contains("hunter2"))
    #expect(!text.contains("swordfish"))
  }
}

extension JSON {
  fileprivate func settingAnnotation(_ key: String, _ value: String) -> JSON {
    var json = self
    json["metadata"]?["annotations"]?[key] = .string(value)
    return json
  }
}
