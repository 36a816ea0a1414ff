import Diagnostics
import KubeDirector
import PlanFixture
import Rules
import Testing
import Values

@testable import Rehearsal

@Suite("The subjects of a rehearsal")
struct RehearsalTests {
  private func subjects(_ situation: PlanSituations) -> [RehearsalSubject] {
    let (plan, moves) = situation.planAndMoves
    return plan.clusters.compactMap { RehearsalSubject($0, moves[$0.reference]) }
  }

  @Test("an upgrade starts with the old app and ends with the new one; both exist all the time")
  func upgrade() throws {
    let subjects = subjects(.named("upgrade"))
    let paths = ["apps/prod/spark-1.0.0.json", "apps/prod/spark-1.1.0.json", "clusters/prod/analytics.json"]
    for (isGoal, app) in [(false, "spark-1.0.0"), (true, "spark-1.1.0")] {
      let files = RehearsalFiles.objects(subjects, isGoal: isGoal)
      #expect(files.keys.sorted() == paths)
      #expect(files["clusters/prod/analytics.json"]?["spec"]?["app"]?.string == app)
    }
    #expect(subjects.map(\.isUpgrade) == [true])
  }

  @Test("a rollback starts where the upgrade that it undoes started")
  func rollback() throws {
    let subject = try #require(subjects(.named("revert-unknown")).first)
    #expect(subject.origin?.spec.app == "spark-1.0.0")
    #expect(subject.goal.spec.app == "spark-1.1.0")
  }

  @Test("a rejected, deleted or unchanged cluster is not rehearsed; a new one is")
  func others() {
    #expect(subjects(.named("revert-late")).isEmpty)
    #expect(subjects(.named("nothing")).isEmpty)
    let fresh = subjects(.named("comes-and-goes"))
    #expect(fresh.map { "\($0.cluster)" } == ["prod/lake"])
    #expect(RehearsalFiles.objects(fresh, isGoal: false).keys.sorted() == ["apps/prod/spark-1.0.0.json"])
  }

  @Test("a suspended cluster is rehearsed without the suspension")
  func suspended() throws {
    var situation = PlanSituations.named("upgrade")
    situation.head["clusters/analytics.yaml"] = situation.head["clusters/analytics.yaml"]?.replacing(
      "namespace: prod}", with: "namespace: prod, annotations: {kdops.dev/suspend: \"true\", why: x}}")
    let file = RehearsalFiles.objects(subjects(situation), isGoal: true)["clusters/prod/analytics.json"]
    #expect(file?["metadata"]?["annotations"]?.strings == ["why": "x"])
  }

  @Test("settings keep the embedded images, and read files from the rehearsal's own folders")
  func settings() {
    let own: JSON = ["apps": ["elsewhere/**"], "embedded": ["images": [["image": "a"]]]]
    let settings = RehearsalFiles.settings(own)
    #expect(settings["apps"] == ["apps/**"])
    #expect(settings["embedded"] == own["embedded"])
    #expect(RehearsalFiles.settings(nil)["schemaVersion"] == 1)
  }

  @Test(
    "a stall names its remediation",
    arguments: [StatusReason.errImagePull, "InvalidImageName", .crashLoopBackOff])
  func remedy(reason: StatusReason) throws {
    let subject = try #require(subjects(.named("upgrade")).first)
    let member = MemberStatus(pod: "w-0", nodeID: 1, detail: .init(waitingReason: reason))
    let status = ClusterStatus(
      state: .updating, app: "spark-1.1.0",
      roles: [RoleStatus(id: "worker", statefulSet: "w", members: [member])])
    let hint = StallExplanation.failure(of: subject, status).hint
    #expect(hint?.contains("registry.example/spark:1.1.0") == true)
  }

  @Test("a failed script is reported with the end of its output")
  func output() throws {
    let subject = try #require(subjects(.named("upgrade")).first)
    let said = (1...30).map { "line \($0)" }.joined(separator: "\n")
    let member = MemberStatus(
      pod: "w-0", nodeID: 1, state: .configError, detail: .init(lastStderr: said))
    let status = ClusterStatus(
      state: .updating, app: "spark-1.1.0",
      roles: [RoleStatus(id: "worker", statefulSet: "w", members: [member])])
    let output = StallExplanation.failure(of: subject, status).output
    #expect(output.count == StallExplanation.outputLimit)
    #expect(output.last == "line 30")
  }
}
