import Admission
import Diagnostics
import KubeDirector
import Rules
import Testing
import Values

@Suite("Manual changes are validated by the rules for commits")
struct JudgeTests {
  let judge = AdmissionJudge(policy: Policy(), ownName: "system:serviceaccount:kdops-system:kdops")
  let calm = LiveSnapshot(Sample.current, Sample.candidate, Sample.cluster.live(.configured))

  private func answer(_ request: AdmissionRequest, _ live: LiveSnapshot? = nil) -> AdmissionAnswer {
    judge.answer(request, among: live ?? calm)
  }

  // MARK: Creating

  @Test("a valid app is allowed without a warning")
  func goodApp() {
    #expect(answer(.create(Sample.current), LiveSnapshot()) == .allowed())
  }

  @Test("a valid cluster of a live app is allowed, with a warning that the engine does not manage it")
  func goodCluster() {
    let made = answer(.create(Sample.cluster), LiveSnapshot(Sample.current))
    #expect(
      made
        == .allowed([
          "not from git: kdops starts no members for it; add its file to the repository instead"
        ]))
    var restored = Sample.cluster.managed
    restored["metadata"]?["annotations"]?[Wire.Annotation.stamp] = "of another installation"
    #expect(answer(.create(restored), LiveSnapshot(Sample.current)) == .allowed())
  }

  @Test("a cluster of an unknown app is denied with the rule's message and hint")
  func unknownApp() throws {
    let answer = answer(.create(Sample.cluster), LiveSnapshot(Sample.candidate))
    #expect(!answer.isAllowed)
    let message = try #require(answer.message)
    #expect(
      message.hasPrefix("error[cluster/app-registered] app spark-1.0.0, which cluster prod/analytics names"))
    #expect(message.contains("; help: did you mean `spark-1.1.0`?"))
  }

  @Test("an object that violates its schema is denied with the schema's finding")
  func schema() throws {
    let broken = Sample.cluster(("members: 3", "members: many"))
    let message = try #require(answer(.create(broken), LiveSnapshot(Sample.current)).message)
    #expect(message.hasPrefix("error[cluster/schema] "))
  }

  @Test("several findings have one line each, below kubectl's own message")
  func severalFindings() throws {
    let app = Sample.app(
      (#""cardinality": "1""#, #""cardinality": "1", "containerSpec": {"tty": true}"#),
      (#"["controller", "worker", "gateway"]"#, #"["controller", "driver"]"#))
    let lines = try #require(answer(.create(app), LiveSnapshot()).message).split(
      separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count == 3)
    #expect(lines.first == "")
    #expect(lines.dropFirst().allSatisfy { $0.hasPrefix("error[app/") && $0.contains("; help: ") })
  }

  @Test("an unknown field is a warning")
  func unknownField() {
    let odd = Sample.cluster(("app: spark-1.0.0", "app: spark-1.0.0\n  flavour: mint"))
    let answer = answer(.create(odd), LiveSnapshot(Sample.current))
    #expect(answer.isAllowed)
    #expect(answer.warnings.count == 2)
    #expect(answer.warnings.last?.hasPrefix("warning[cluster/unknown-field] ") == true)
  }

  @Test("fields that servers add to an object are not attributed to its author")
  func addedByServers() {
    var cluster = Sample.cluster
    var metadata = cluster["metadata"] ?? [:]
    metadata["uid"] = "1-2-3"
    metadata["managedFields"] = [["manager": "kubectl", "fieldsV1": ["f:spec": [:]]]]
    metadata["creationTimestamp"] = "2026-01-31T09:05:00Z"
    cluster["metadata"] = metadata
    let answer = answer(.create(cluster), LiveSnapshot(Sample.current))
    #expect(answer.isAllowed)
    #expect(!answer.warnings.contains { $0.contains("unknown-field") })
  }

  // MARK: Upgrading

  @Test("an upgrade that meets every rule is allowed")
  func upgrade() {
    let old = Sample.cluster.live(.configured)
    let new = Sample.cluster(("app: spark-1.0.0", "app: spark-1.1.0")).live(.configured)
    #expect(answer(.update(old, to: new)) == .allowed())
  }

  @Test("an upgrade that also changes the members, to an app of another distribution, is denied for both")
  func badUpgrade() throws {
    let other = Sample.app(
      ("spark-1.0.0\"", "spark-1.1.0\""), ("example/spark", "example/flink"),
      ("1.0.0\", \"upg", "1.1.0\", \"upg"))
    let old = Sample.cluster.live(.configured)
    let new = Sample.cluster(("app: spark-1.0.0", "app: spark-1.1.0"), ("members: 3", "members: 4"))
      .live(.configured)
    let message = try #require(
      answer(.update(old, to: new), LiveSnapshot(Sample.current, other, old)).message)
    #expect(message.contains("error[upgrade/only-app] "))
    #expect(message.contains("error[upgrade/distro] "))
  }

  @Test("a downgrade is denied, with the way to restore the old version")
  func downgrade() throws {
    let old = Sample.cluster(("app: spark-1.0.0", "app: spark-1.1.0"))
    var upgraded = Example.Live.configured.status
    upgraded?.app = "spark-1.1.0"
    var live = old
    live["status"] = upgraded?.json
    let message = try #require(answer(.update(live, to: Sample.cluster)).message)
    #expect(message.hasPrefix("error[upgrade/newer] "))
    #expect(message.contains("publish the image under a version above"))
  }

  @Test("a manual change that would wait in git is denied, with the time for another try")
  func waiting() throws {
    let old = Sample.cluster(("app: spark-1.0.0", "app: spark-1.1.0")).live(.upgrading)
    let new = Sample.cluster(("app: spark-1.0.0", "app: spark-1.1.0"), ("members: 3", "members: 4"))
      .live(.upgrading)
    let message = try #require(answer(.update(old, to: new)).message)
    #expect(
      message.hasPrefix(
        "waiting[cluster/busy] cluster prod/analytics waits for the running upgrade to spark-1.1.0"))
    #expect(message.hasSuffix("; help: try again once that is over"))
  }

  @Test("if the cluster is managed from git, the denial suggests to commit the change")
  func waitingFromGit() throws {
    let old = Sample.cluster(("app: spark-1.0.0", "app: spark-1.1.0")).managed.live(.stalled)
    let new = Sample.cluster.managed.live(.stalled)
    #expect(answer(.update(old, to: new)).isAllowed)
    let third = Sample.cluster(("app: spark-1.0.0", "app: spark-1.2.0")).managed.live(.stalled)
    let message = try #require(
      answer(
        .update(old, to: third),
        LiveSnapshot(Sample.current, Sample.candidate, Sample.object(Fixture.third, path: "a.json"), old)
      ).message)
    #expect(message.contains("waits for a stalled upgrade; revert `4f2c9ab` first"))
    #expect(
      message.hasSuffix(
        "; help: try again once that is over, or commit the change: a change from git waits automatically"))
  }

  @Test("the status in the request counts, not the watched one")
  func ownStatus() {
    let old = Sample.cluster.live(.configured)
    let new = Sample.cluster(("members: 3", "members: 4")).live(.configured)
    let late = LiveSnapshot(Sample.current, Sample.candidate, Sample.cluster.live(.creating))
    #expect(answer(.update(old, to: new), late) == .allowed())
  }

  @Test("a manual fix of a cluster without a status is allowed")
  func untouched() {
    let new = Sample.cluster(("members: 3", "members: 4"))
    #expect(
      answer(.update(Sample.cluster, to: new), LiveSnapshot(Sample.current, Sample.cluster)) == .allowed())
  }

  // MARK: Drift

  @Test(
    "an edit of a managed object that the rules allow is allowed, with a warning that it will be reverted"
  )
  func drift() {
    let old = Sample.cluster.managed.live(.configured)
    let new = Sample.cluster(("members: 3", "members: 4")).managed.live(.configured)
    let answer = answer(.update(old, to: new))
    #expect(answer.isAllowed)
    #expect(
      answer.warnings == [
        "managed from git (clusters/analytics.yaml, commit 4f2c9ab): this edit will be reverted; "
          + "change the file instead"
      ])
  }

  @Test("changes of status, labels and finalizers are not validated")
  func noChangeOfMeaning() {
    let old = Sample.cluster.live(.creating)
    var labelled = Sample.cluster.live(.configured)
    labelled["metadata"]?["labels"] = ["team": "blue"]
    #expect(answer(.update(old, to: labelled), LiveSnapshot()) == .allowed())
    var going = Sample.cluster(("members: 3", "members: 4"))
    going["metadata"]?["deletionTimestamp"] = "2026-01-31T09:05:00Z"
    #expect(answer(.update(old, to: going), LiveSnapshot()) == .allowed())
  }

  @Test("an equivalent spec is no change, whatever state the object has")
  func otherWords() {
    let old = Sample.cluster.live(.creating)
    let new = Sample.cluster(("memory: 4Gi", "memory: 4096Mi")).live(.creating)
    #expect(answer(.update(old, to: new), LiveSnapshot()) == .allowed())
  }

  // MARK: Deleting

  @Test("a cluster may be deleted; for one from git, a warning says that it will be created again")
  func deleteCluster() {
    #expect(answer(.delete(Sample.cluster)) == .allowed())
    let warnings = answer(.delete(Sample.cluster.managed)).warnings
    #expect(
      warnings == [
        "managed from git (clusters/analytics.yaml, commit 4f2c9ab): it will be created again; remove the file first"
      ])
  }

  @Test("an app in use may be neither deleted nor changed; another one may")
  func appInUse() throws {
    let message = try #require(answer(.delete(Sample.current)).message)
    #expect(message.hasPrefix("error[app/in-use] app spark-1.0.0 is used by cluster prod/analytics"))
    let changed = Sample.app(("registry.example/spark:1.0.0", "registry.example/spark:1.0.1"))
    #expect(answer(.update(Sample.current, to: changed)).message?.contains("\nerror[app/in-use] ") == true)
    #expect(answer(.delete(Sample.candidate)) == .allowed())
  }

  @Test("an app that only a running upgrade needs cannot be deleted until that ends")
  func appOfUpgrade() throws {
    let upgrading = Sample.cluster(("app: spark-1.0.0", "app: spark-1.1.0")).live(.upgrading)
    let live = LiveSnapshot(Sample.current, Sample.candidate, upgrading)
    let message = try #require(answer(.delete(Sample.current), live).message)
    #expect(message.hasPrefix("waiting[app/in-use] app spark-1.0.0 is still needed by the running cluster"))
  }

  // MARK: Users and namespaces

  @Test("requests of the daemon and of the server's controllers are allowed without validation")
  func exempt() {
    for user in [
      "system:serviceaccount:kdops-system:kdops", "system:serviceaccount:kube-system:namespace-controller",
    ] {
      #expect(answer(.delete(Sample.current, by: user)) == .allowed())
    }
  }

  @Test("other kinds, other groups and subresources are allowed")
  func otherThings() {
    var pod = AdmissionRequest.create(Sample.cluster)
    pod.kind = "Pod"
    var foreign = AdmissionRequest.create(Sample.cluster)
    foreign.group = "example.com"
    var status = AdmissionRequest.create(Sample.cluster)
    status.subresource = "status"
    var connect = AdmissionRequest.create(Sample.cluster)
    connect.operation = .connect
    for request in [pod, foreign, status, connect] { #expect(answer(request, LiveSnapshot()) == .allowed()) }
  }

  @Test("requests in namespaces that are not managed are allowed")
  func foreignNamespaces() {
    let judge = AdmissionJudge(policy: Policy(tenancy: Tenancy(namespaces: ["staging"])))
    #expect(judge.answer(.create(Sample.cluster), among: LiveSnapshot()) == .allowed())
    #expect(
      judge.answer(.create(Sample.cluster.inNamespace("staging")), among: LiveSnapshot()).isAllowed == false)
  }

  @Test("apps of the catalog may be created manually, under the other rules")
  func catalog() throws {
    let app = Sample.current.inNamespace("kdops-system")
    #expect(answer(.create(app), LiveSnapshot()) == .allowed())
    let bad = Sample.app((#""version": "1.0.0""#, #""version": "one""#)).inNamespace("kdops-system")
    #expect(answer(.create(bad), LiveSnapshot()).message?.hasPrefix("error[app/semver] ") == true)
    let user = LiveSnapshot(app, Sample.cluster)
    #expect(answer(.delete(app), user).message?.hasPrefix("error[app/in-use] ") == true)
  }

  @Test("manual changes that tenancy forbids are denied too")
  func tenancy() throws {
    let asking = Sample.cluster(("members: 3", "members: 3\n      serviceAccountName: admin"))
    let message = try #require(answer(.create(asking), LiveSnapshot(Sample.current)).message)
    #expect(message.hasPrefix("error[cluster/tenancy] role worker of cluster prod/analytics"))
  }

  @Test("until the live objects are known, everything is allowed with a warning")
  func starting() {
    let answer = judge.answer(.create(Sample.cluster), among: nil)
    #expect(answer.isAllowed)
    #expect(answer.warnings.count == 1)
    #expect(answer.warnings.first?.hasPrefix("not judged: ") == true)
  }
}
