import ClusterAPI
import EmbeddedCluster
import KubeDirector
import Logging
import TestSupport
import Testing
import Values

@testable import Reconciler

@Suite("Applying an object")
struct ApplierTests {
  private let folder: TemporaryFolder
  private let cluster: EmbeddedCluster
  private let applier: Applier

  init() async throws {
    folder = try TemporaryFolder()
    cluster = try await EmbeddedCluster.open(
      directory: folder.path, sandbox: .noScripts, catalog: ImageCatalog([]), logger: Logger(label: "test"))
    applier = Applier(api: cluster, installation: "default", stamp: .forTests)
  }

  private func document(_ labels: [String: String] = [:], members: Int64 = 1) -> JSON {
    [
      "apiVersion": .string(Wire.apiVersion), "kind": .string(Wire.clusterKind),
      "metadata": ["name": "analytics", "namespace": "prod", "labels": JSON(labels)],
      "spec": [
        "app": "spark", "roles": [["id": "worker", "members": .integer(members)]], "unknown": "carried",
      ],
      "status": ["state": "configured"],
    ]
  }

  private func from(_ commit: String) -> Provenance {
    Provenance(commit: commit, blob: "b-\(commit)", path: "clusters/a.yaml", change: .create)
  }

  @Test("records the source commit and stamps the spec")
  func provenance() async throws {
    let made = try await applier.apply(document(), over: nil, from("c1"))
    #expect(made.annotation(Wire.Annotation.commit) == "c1")
    #expect(made.annotation(Wire.Annotation.blob) == "b-c1")
    #expect(made.label(Wire.Label.source) == "default")
    #expect(Stamp.forTests.holds(made.json))
    #expect(made.json["spec"]?["unknown"]?.string == "carried")
  }

  @Test("ignores a status in the file")
  func status() async throws {
    let made = try await applier.apply(document(), over: nil, from("c1"))
    #expect(made.json["status"] == nil)
  }

  @Test("keeps foreign labels, and removes labels that are no longer in the file")
  func labels() async throws {
    let made = try await applier.apply(document(["team": "a", "old": "x"]), over: nil, from("c1"))
    let others: JSON = ["metadata": ["labels": ["theirs": "1"]]]
    let touched = try await cluster.patch(.clusters, made.objectName, merge: others)
    let again = try await applier.apply(document(["team": "b"]), over: touched, from("c2"))
    #expect(again.label("team") == "b")
    #expect(again.label("old") == nil)
    #expect(again.label("theirs") == "1")
  }

  @Test("fails with a conflict and changes nothing if the version is outdated")
  func conflict() async throws {
    let made = try await applier.apply(document(), over: nil, from("c1"))
    _ = try await applier.apply(document(members: 2), over: made, from("c2"))
    await #expect(throws: APIError.self) {
      try await applier.apply(document(members: 3), over: made, from("c3"))
    }
    let now = try await cluster.get(.clusters, made.objectName)
    #expect(now.json["spec"]?["roles"]?[0]?["members"]?.integer == 2)
  }

  @Test("stamps the object if its commit is recorded anew")
  func noting() async throws {
    let made = try await applier.apply(document(), over: nil, from("c1"))
    let noted = try await applier.note(path: "clusters/b.yaml", blob: "b-c2", on: made)
    #expect(noted.annotation(Wire.Annotation.path) == "clusters/b.yaml")
    #expect(Stamp.forTests.holds(noted.json))
  }

  @Test("does not accept the stamp of a spec that was edited by hand")
  func edited() async throws {
    let made = try await applier.apply(document(), over: nil, from("c1"))
    let edited = try await cluster.patch(.clusters, made.objectName, merge: ["spec": ["app": "other"]])
    #expect(!Stamp.forTests.holds(edited.json))
  }

  @Test("treats deletion of an absent object as success")
  func deleting() async throws {
    let made = try await applier.apply(document(), over: nil, from("c1"))
    try await applier.delete(made, .clusters)
    try await applier.delete(made, .clusters)
  }
}
