import ClusterAPI
import Testing
import Values

@testable import EmbeddedCluster

/// Transcripts: the existing pods, and the actions of the controller.
@Suite("The next actions of a StatefulSet")
struct SetPlanTests {
  /// Revision `1` is the old template, `2` the new one.
  private func set(
    _ replicas: Int = 3, partition: Int? = 0, parallel: Bool = true, template: String = "2",
    current: String = "1",
    deleted: Bool = false
  ) -> SetState {
    SetState(
      name: "web", generation: 5, replicas: replicas,
      strategy: partition.map { .rolling(partition: $0) } ?? .onDelete,
      isParallel: parallel, isBeingDeleted: deleted, historyLimit: 10, templateRevision: template,
      status: SetStatus(currentRevision: current))
  }

  /// One word for each pod: ordinal, revision, and `r` ready, `n` not ready, `t` terminating, `f` failed:
  /// `0:1r`.
  private func pods(_ text: String) -> [SetPodState] {
    text.split(separator: " ").map { word in
      let parts = word.split(separator: ":")
      let state = parts[1].last
      return SetPodState(
        name: "web-\(parts[0])", ordinal: Int(parts[0]) ?? -1, revision: String(parts[1].dropLast()),
        isReady: state == "r", isTerminating: state == "t", isFinished: state == "f")
    }
  }

  @Test("are bounded for any numbers in the object")
  func hugeNumbers() {
    let huge = JSON.integer(.max)
    let object = Object([
      "metadata": ["name": "web", "generation": huge],
      "spec": [
        "replicas": huge, "revisionHistoryLimit": huge,
        "updateStrategy": ["type": "RollingUpdate", "rollingUpdate": ["partition": huge]],
      ], "status": ["observedGeneration": .integer(.min), "replicas": huge],
    ])
    let set = SetState(object, templateRevision: "2")
    #expect(set.replicas == 1000)
    let actions = SetPlan.actions(set: set, revisions: [RevisionState(name: "1", number: 1)], pods: [])
    #expect(!actions.isEmpty)
  }

  private let both = [RevisionState(name: "1", number: 1), RevisionState(name: "2", number: 2)]

  /// The actions as words, without the status.
  private func plan(_ set: SetState, _ pods: String, revisions: [RevisionState]? = nil) -> [String] {
    SetPlan.actions(set: set, revisions: revisions ?? both, pods: self.pods(pods)).compactMap { action in
      switch action {
      case .createRevision(let name, let number): "revision \(name) is \(number)"
      case .renumberRevision(let name, let number): "revision \(name) becomes \(number)"
      case .createPod(let ordinal, let revision): "create \(ordinal) of \(revision)"
      case .deletePod(let name): "delete \(name)"
      case .deleteRevision(let name): "forget \(name)"
      case .writeStatus: nil
      }
    }
  }

  private func status(_ set: SetState, _ pods: String) -> SetStatus? {
    for case .writeStatus(let status) in SetPlan.actions(set: set, revisions: both, pods: self.pods(pods)) {
      return status
    }
    return nil
  }

  // MARK: Creating and deleting

  @Test("create the revision of a new set, and with Parallel all pods at once")
  func creation() {
    let new = set(template: "1", current: "")
    #expect(
      plan(new, "", revisions: []) == ["revision 1 is 1", "create 0 of 1", "create 1 of 1", "create 2 of 1"])
  }

  @Test("create a pod with OrderedReady when the one before is ready")
  func orderedCreation() {
    let new = set(parallel: false, template: "1", current: "1")
    let one = [RevisionState(name: "1", number: 1)]
    #expect(plan(new, "", revisions: one) == ["create 0 of 1"])
    #expect(plan(new, "0:1n", revisions: one) == [])
    #expect(plan(new, "0:1r", revisions: one) == ["create 1 of 1"])
    #expect(plan(new, "0:1t 1:1r", revisions: one) == [])
  }

  @Test("delete surplus pods from the highest ordinal down, with OrderedReady one by one")
  func scaleDown() {
    #expect(
      plan(set(1, template: "1"), "0:1r 1:1r 2:1r") == [
        "revision 1 becomes 3", "delete web-2", "delete web-1",
      ])
    let ordered = set(1, parallel: false)
    #expect(plan(ordered, "0:2r 1:2r 2:2r") == ["delete web-2"])
    #expect(plan(ordered, "0:2r 1:2r 2:2t") == [])
    #expect(
      plan(ordered, "0:2r 1:2n 2:2n") == [],
      "the lower one that is not ready goes first, but not before its turn")
    #expect(plan(ordered, "0:2r 1:2r 2:2n") == ["delete web-2"])
    #expect(plan(ordered, "0:2n 1:2r 2:2r") == [])
  }

  @Test("delete a pod that has ended, and recreate it only when it is gone")
  func endedPods() {
    #expect(plan(set(), "0:2r 1:2f 2:2r") == ["delete web-1"])
    #expect(plan(set(), "0:2r 1:2t 2:2r") == [])
    #expect(plan(set(), "0:2r 2:2r") == ["create 1 of 2"])
  }

  @Test("are none for a set that is being deleted")
  func deletedSet() {
    #expect(plan(set(deleted: true), "0:1r 2:1r") == [])
  }

  // MARK: Rolling updates

  @Test("replace pods from the last to the first for a new template, waiting for each to be ready")
  func rolling() {
    #expect(plan(set(), "0:1r 1:1r 2:1r") == ["delete web-2"])
    #expect(plan(set(), "0:1r 1:1r 2:1t") == [])
    #expect(plan(set(), "0:1r 1:1r") == ["create 2 of 2"])
    #expect(plan(set(), "0:1r 1:1r 2:2n") == [])
    #expect(plan(set(), "0:1r 1:1r 2:2r") == ["delete web-1"])
    #expect(plan(set(), "0:1r 1:2r 2:2r") == ["delete web-0"])
    #expect(plan(set(), "0:2r 1:2r 2:2r") == [])
  }

  @Test("keep ordinals below the partition at the current revision, also if they fail")
  func partition() {
    #expect(plan(set(partition: 3), "0:1r 1:1r 2:1r") == [])
    #expect(plan(set(partition: 2), "0:1r 1:1r 2:1r") == ["delete web-2"])
    #expect(plan(set(partition: 2), "0:1r 1:1r 2:2r") == [])
    #expect(plan(set(partition: 2), "0:1r 2:2r") == ["create 1 of 1"])
    #expect(plan(set(partition: 2), "0:1r 1:1r") == ["create 2 of 2"])
    #expect(plan(set(partition: 99), "0:1r 1:1r") == ["create 2 of 1"])
  }

  @Test(
    "replace no pod while one is not ready, not even that one for a fixed template")
  func stuckPod() {
    #expect(plan(set(), "0:1r 1:1r 2:1n") == [])
    #expect(plan(set(), "0:1n 1:1r 2:2r") == [])
    #expect(plan(set(parallel: false), "0:1r 1:1r 2:1n") == [])
  }

  @Test("stop the update for a pod that is not ready, even below the partition")
  func stuckBelowPartition() { #expect(plan(set(partition: 2), "0:1n 1:1r 2:1r") == []) }

  @Test("replace nothing with OnDelete, and recreate deleted pods at the update revision")
  func onDelete() {
    #expect(plan(set(partition: nil), "0:1r 1:1r 2:1r") == [])
    #expect(plan(set(partition: nil), "0:1r 1:1r") == ["create 2 of 2"])
  }

  // MARK: Revisions and status

  @Test("reuse the revision of an old template in a rollback")
  func oldTemplate() {
    #expect(
      plan(set(template: "1", current: "1"), "0:1r 1:1r 2:2r") == ["revision 1 becomes 3", "delete web-2"])
  }

  @Test("advance the current revision only when all pods are updated and ready")
  func currentRevision() {
    #expect(status(set(), "0:1r 1:2r 2:2r")?.currentRevision == "1")
    #expect(status(set(), "0:2n 1:2r 2:2r")?.currentRevision == "1")
    #expect(status(set(), "0:2r 1:2r 2:2r 3:2r")?.currentRevision == "1", "one pod too many")
    let done = status(set(), "0:2r 1:2r 2:2r")
    #expect(done?.currentRevision == "2")
    #expect(done?.currentReplicas == 3)
  }

  @Test("never advance the current revision with OnDelete")
  func currentRevisionOnDelete() {
    let status = status(set(partition: nil), "0:2r 1:2r 2:2r")
    #expect(status?.currentRevision == "1")
    #expect(status?.updateRevision == "2")
  }

  @Test("write a status with the counted pods and its generation")
  func counts() {
    let status = status(set(partition: 1), "0:1r 1:1n 2:2t 3:2r")
    #expect(
      status
        == SetStatus(
          observedGeneration: 5, replicas: 4, readyReplicas: 2, currentReplicas: 2, updatedReplicas: 1,
          currentRevision: "1", updateRevision: "2"))
  }

  @Test("delete the oldest unused revisions beyond the limit")
  func history() {
    var limited = set(1, current: "2")
    limited.historyLimit = 1
    let many = (["a", "b", "c", "2"].enumerated()).map { RevisionState(name: $0.element, number: $0.offset) }
    #expect(plan(limited, "0:2r", revisions: many) == ["forget a", "forget b"])
    #expect(plan(limited, "0:ar", revisions: many) == ["delete web-0", "forget b"])
  }
}
