import KubeDirector
import Manifests
import Testing
import Values

@testable import Rules

@Suite("Schemas")
struct SchemaTests {
  private func findings(_ path: String, _ old: String, _ new: String) throws -> [SchemaFinding] {
    let text = try #require(Fixture.files[path])
    #expect(text.count(of: old) == 1, "\(old)")
    let file = ManifestFile.parse(path: path, bytes: Array(text.replacing(old, with: new).utf8))
    #expect(file.isWhole, "\(file.findings)")
    return SchemaCheck.findings(of: try #require(file.documents.first))
  }

  @Test("can both be compiled")
  func compile() throws {
    _ = try Schema(CustomResources.appSchema)
    _ = try Schema(CustomResources.clusterSchema)
  }

  @Test(
    "of an app refuse",
    arguments: [
      (#"{"name": "Spark"}"#, #"{"name": ""}"#, "spec.label.name"),
      (#""label": {"name": "Spark"},"#, "", "spec.label"),
      (#""distroID": "example/spark""#, #""distroID": """#, "spec.distroID"),
      (#""version": "1.0.0", "#, "", "spec.version"),
      (#""version": "1.0.0""#, #""version": 1.0"#, "spec.version"),
      (#""upgradable": true"#, #""upgradable": "yes""#, "spec.upgradable"),
      (#""cardinality": "1""#, #""cardinality": """#, "spec.roles[0].cardinality"),
      (#""cardinality": "1""#, #""cardinality": "-1""#, "spec.roles[0].cardinality"),
      (#""cardinality": "1""#, #""cardinality": 1"#, "spec.roles[0].cardinality"),
      (#", "cardinality": "1""#, "", "spec.roles[0].cardinality"),
      (#"{"id": "controller", "#, #"{"id": "-controller", "#, "spec.roles[0].id"),
      (#"{"id": "controller", "#, #"{"id": "a b", "#, "spec.roles[0].id"),
      (#"{"id": "ui", "#, #"{"id": "UI", "#, "spec.services[0].id"),
      (#"{"id": "ui", "#, #"{"id": "a-service-too-long", "#, "spec.services[0].id"),
      (#""port": 7077"#, #""port": 0"#, "spec.services[1].endpoint.port"),
      (#""port": 7077"#, #""port": 65536"#, "spec.services[1].endpoint.port"),
      (#""urlScheme": "http""#, #""urlScheme": "ht tp""#, "spec.services[0].endpoint.urlScheme"),
      ("file:///opt/spark-1.0.0.tgz", "/opt/spark.tgz", "spec.defaultConfigPackage.packageURL"),
      (
        "file:///opt/spark-1.0.0.tgz", "https://example.com/spark.zip", "spec.defaultConfigPackage.packageURL"
      ),
      (
        #""version": "1.0.0""#, #""version": "1.0.0", "defaultPersistDirs": ["data"]"#,
        "spec.defaultPersistDirs[0]"
      ),
      (
        #""version": "1.0.0""#, #""version": "1.0.0", "defaultPersistDirs": ["/data/"]"#,
        "spec.defaultPersistDirs[0]"
      ),
      (#""version": "1.0.0""#, #""version": "1.0.0", "configSchemaVersion": 6"#, "spec.configSchemaVersion"),
      (
        #""version": "1.0.0""#, #""version": "1.0.0", "logoURL": "https://example.com/a.svg""#, "spec.logoURL"
      ),
      (
        #""version": "1.0.0""#, #""version": "1.0.0", "defaultMaxLogSizeDump": -1"#,
        "spec.defaultMaxLogSizeDump"
      ),
      (#"{"memory": "1Gi"}"#, #"{"memory": "lots"}"#, "spec.roles[1].minResources.memory"),
    ])
  func app(old: String, new: String, path: String) throws {
    let found = try findings(Fixture.currentPath, old, new)
    #expect(Set(found.map(\.path.description)) == [path])
    #expect(found.allSatisfy { $0.kind == .error })
  }

  @Test(
    "of a cluster refuse",
    arguments: [
      ("  app: spark-1.0.0\n", "", "spec.app"),
      ("app: spark-1.0.0", "app: \"\"", "spec.app"),
      ("app: spark-1.0.0", "app: 1", "spec.app"),
      ("app: spark-1.0.0", "app: s\n  appCatalog: other", "spec.appCatalog"),
      ("app: spark-1.0.0", "app: s\n  serviceType: ExternalName", "spec.serviceType"),
      ("app: spark-1.0.0", "app: s\n  namingScheme: Name", "spec.namingScheme"),
      (
        "app: spark-1.0.0", "app: s\n  defaultSecret: {name: k, mountPath: keys}",
        "spec.defaultSecret.mountPath"
      ),
      ("members: 3", "members: -1", "spec.roles[1].members"),
      ("members: 3", "members: 1.5", "spec.roles[1].members"),
      ("limits: {cpu: \"2\", memory: 4Gi}", "limits: {cpu: \"2\"}", "spec.roles[1].resources.limits.memory"),
      (
        "limits: {cpu: \"2\", memory: 4Gi}", "limits: {cpu: \"2\", memory: 4GB}",
        "spec.roles[1].resources.limits.memory"
      ),
      ("        limits: {cpu: \"2\", memory: 4Gi}", "        requests: {}", "spec.roles[1].resources.limits"),
      (
        "members: 3", "members: 3\n      secret: {name: k, mountPath: /k, defaultMode: 512}",
        "spec.roles[1].secret.defaultMode"
      ),
      (
        "members: 3", "members: 3\n      fileInjections: [{srcURL: 'ftp://a/b', destDir: /c}]",
        "spec.roles[1].fileInjections[0].srcURL"
      ),
      (
        "members: 3", "members: 3\n      fileInjections: [{srcURL: 'http://a/b', destDir: c}]",
        "spec.roles[1].fileInjections[0].destDir"
      ),
      ("members: 3", "members: 3\n      env: [{value: x}]", "spec.roles[1].env[0].name"),
      ("members: 3", "members: 3\n      podLabels: {a: 1}", "spec.roles[1].podLabels.a"),
    ])
  func cluster(old: String, new: String, path: String) throws {
    let found = try findings(Fixture.clusterPath, old, new)
    #expect(Set(found.map(\.path.description)) == [path])
    #expect(found.allSatisfy { $0.kind == .error })
  }

  @Test(
    "of a cluster accept",
    arguments: [
      ("members: 3", "members: 0"),
      ("app: spark-1.0.0", "app: s\n  connections: {secrets: }"),
      ("app: spark-1.0.0", "app: s\n  defaultSecret: "),
      ("limits: {cpu: \"2\", memory: 4Gi}", "limits: {cpu: 2, memory: 4294967296, nvidia.com/gpu: \"0\"}"),
      ("members: 3", "members: 3\n      affinity: {nodeAffinity: {anything: [1]}}"),
      ("members: 3", "members: 3\n      secret: {name: k, mountPath: /k, defaultMode: 511, readOnly: true}"),
      ("members: 3", "members: 3\n      env: [{name: A, valueFrom: {secretKeyRef: {name: k, key: a}}}]"),
      (
        "members: 3",
        "members: 3\n      blockStorage: {numDevices: 2, pathPrefix: /dev/x, storageClassName: fast, size: 1Gi}"
      ),
      (
        "members: 3",
        "members: 3\n      volumeProjections: [{pvcName: shared, mountPath: /s, readOnly: true}]"
      ),
    ])
  func taken(old: String, new: String) throws {
    #expect(try findings(Fixture.clusterPath, old, new).isEmpty)
  }

  @Test("of a cluster report an unknown field as a warning with its place, and keep it")
  func unknown() throws {
    let head = try Repository().with(.cluster("members: 3", "members: 3\n      colour: blue"))
    let judgement = Repository.judge(nil, head)
    #expect(judgement.summary == ["warning cluster/unknown-field"])
    #expect(judgement.findings.first?.location?.line == 15 && judgement.findings.first?.location?.column == 7)
    #expect(judgement.outcome(Repository.analytics) == "create accepted")
    let cluster = head.snapshot.cluster(Repository.analytics)
    #expect(cluster?.spec.role("worker")?.raw["colour"] == "blue")
  }
}
