import ClusterAPI
import KubeDirector
import Testing
import Values

@testable import Control

@Suite("Commands to a cluster")
struct ClusterCommandTests {
  private let name = ObjectName(namespace: "prod", name: "a")

  private func live(
    _ annotations: [String: String] = [:], failed: [String] = [], stall: String? = nil
  ) -> Object {
    var object = Object(
      .clusters, namespace: "prod", name: "a",
      annotations: annotations.merging(["kdops.dev/path": "clusters/a.yaml"]) { given, _ in given })
    let members = (0..<3).map { ordinal -> MemberStatus in
      let pod = "a-worker-\(ordinal)"
      let isFailed = failed.contains(pod)
      return MemberStatus(
        pod: pod, nodeID: ordinal, state: isFailed ? .configError : .configured,
        upgrade: ordinal == 2 ? .init(id: "u", revision: "r", done: !isFailed) : nil,
        detail: .init(configError: isFailed ? "startscript --pod_upgraded ended with exit code 3" : nil))
    }
    var status = ClusterStatus(
      state: .updating, app: "s-2",
      upgradeInfo: UpgradeInfo(isRollingBack: false, prevApp: "s-1", id: "u"),
      roles: [
        RoleStatus(id: "worker", statefulSet: "a-worker", upgradeStatus: .upgrading, members: members)
      ])
    if let stall {
      status.conditions = [
        Condition(type: .stalled, status: true, reason: "X", message: stall, lastTransition: 0)
      ]
    }
    object.json["status"] = status.json
    return object
  }

  private func plan(_ kind: ClusterCommand.Kind, _ live: Object, pod: String? = nil, now: Int = 7) throws
    -> ClusterCommand.Plan
  { try ClusterCommand(kind: kind, cluster: name, pod: pod).plan(for: live, now: now) }

  private func refusal(_ kind: ClusterCommand.Kind, _ live: Object, pod: String? = nil) -> String? {
    do {
      _ = try plan(kind, live, pod: pod)
      return nil
    } catch { return "\(error)" }
  }

  @Test("suspend sets the annotation and says what stops; repeated, it changes nothing")
  func suspend() throws {
    let first = try plan(.suspend, live())
    #expect(first.annotations == ["kdops.dev/suspend": "true"])
    #expect(
      first.words
        == "prod/a is suspended: scripts that run end, no next step is begun; "
        + "the upgrade from s-1 to s-2 has done 1 of 3 pods")
    let again = try plan(.suspend, live(["kdops.dev/suspend": "true"]))
    #expect(again.annotations.isEmpty)
    #expect(again.words == "prod/a is suspended already")
  }

  @Test("resume removes the annotation; a cluster that is not suspended is unchanged")
  func resume() throws {
    let plan = try plan(.resume, live(["kdops.dev/suspend": "true"]))
    #expect(plan.annotations == ["kdops.dev/suspend": .none])
    #expect(plan.words.hasPrefix("prod/a continues where it stopped"))
    #expect(try self.plan(.resume, live()).annotations.isEmpty)
  }

  @Test("git overrides commands, and a command that contradicts it is refused with the file to change")
  func git() throws {
    let carried = ["kdops.dev/carried": "a:kdops.dev/suspend l:team"]
    let suspended = live(carried.merging(["kdops.dev/suspend": "true"]) { $1 })
    #expect(
      refusal(.resume, suspended)
        == "prod/a: git sets kdops.dev/suspend: \"true\" in clusters/a.yaml, and git takes precedence; "
        + "change it there and push")
    #expect(try plan(.suspend, suspended).words == "prod/a is suspended already by clusters/a.yaml")
    let kept = live(carried.merging(["kdops.dev/suspend": "false"]) { $1 })
    #expect(refusal(.suspend, kept)?.contains("git takes precedence") == true)
    let retried = live(
      ["kdops.dev/carried": "a:kdops.dev/retry", "kdops.dev/retry": "a-worker-2@1"], failed: ["a-worker-2"])
    #expect(refusal(.retry, retried)?.contains("git sets kdops.dev/retry") == true)
  }

  @Test("retry names the failed pod, with a different text for each request, also within a second")
  func retry() throws {
    let failed = live(failed: ["a-worker-2"])
    let first = try plan(.retry, failed)
    #expect(first.annotations == ["kdops.dev/retry": "a-worker-2@7"])
    #expect(
      first.words
        == "prod/a: what failed in a-worker-2 is run again (startscript --pod_upgraded ended with exit code 3)"
    )
    #expect(first.pod == "a-worker-2", "for the command that prints the output of its script")
    let second = try plan(.retry, live(["kdops.dev/retry": "a-worker-2@7"], failed: ["a-worker-2"]))
    #expect(second.annotations == ["kdops.dev/retry": "a-worker-2@8"])
    #expect(try plan(.retry, failed, pod: "a-worker-2").annotations == first.annotations)
  }

  @Test("retry is refused if it would run nothing, or if the pod is ambiguous")
  func refusals() {
    #expect(
      refusal(.retry, live())
        == "prod/a: no script has failed, so there is nothing to run again; see kdops status prod/a")
    #expect(
      refusal(.retry, live(stall: "a-worker-2: ErrImagePull"))?.hasSuffix(
        "for another reason: a-worker-2: ErrImagePull")
        == true)
    #expect(
      refusal(.retry, live(), pod: "a-worker-1")
        == "prod/a: nothing has failed in a-worker-1 (it is configured); see kdops status prod/a")
    #expect(
      refusal(.retry, live(), pod: "b") == "prod/a has no member b; see kdops status prod/a")
    #expect(
      refusal(.retry, live(failed: ["a-worker-1", "a-worker-2"]))
        == "prod/a: scripts failed in a-worker-1, a-worker-2; name one: kdops retry prod/a/a-worker-1")
    #expect(
      refusal(.retry, live(["kdops.dev/suspend": "true"], failed: ["a-worker-2"]))
        == "prod/a is suspended, so nothing would run: kdops resume prod/a first")
  }
}
