import ClusterAPI
import Testing
import Values

@testable import EmbeddedCluster

/// Transcripts: what is there, and what the controller does about it.
@Suite("What a StatefulSet does next")
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

  /// One word a pod: ordinal, revision, and `r` ready, `n` not ready, `t` terminating, `f` failed: `0:1r`.
  private func pods(_ text: String) -> [SetPodState] {
    text.split(separator: " ").map { word in
      let parts = word.split(separator: ":")
      let state = parts[1].last
      return SetPodState(
        name: "web-\(parts[0])", ordinal: Int(parts[0]) ?? -1, revision: String(parts[1].dropLast()),
        isReady: state == "r", isTerminating: state == "t", isFinished: state == "f")
    }
  }

  @Test("is bounded, whatever numbers its object has")
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

  /// The actions as words, but for the status.
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

  // MARK: Coming and going

  @Test("a new set makes its revision, and with Parallel all pods at once")
  func creation() {
    let new = set(template: "1", current: "")
    #expect(
      plan(new, "", revisions: []) == ["revision 1 is 1", "create 0 of 1", "create 1 of 1", "create 2 of 1"])
  }

  @Test("with OrderedReady a pod is made when the one before is ready")
  func orderedCreation() {
    let new = set(parallel: false, template: "1", current: "1")
    let one = [RevisionState(name: "1", number: 1)]
    #expect(plan(new, "", revisions: one) == ["create 0 of 1"])
    #expect(plan(new, "0:1n", revisions: one) == [])
    #expect(plan(new, "0:1r", revisions: one) == ["create 1 of 1"])
    #expect(plan(new, "0:1t 1:1r", revisions: one) == [])
  }

  @Test("pods too many go from the highest ordinal down, with OrderedReady one by one")
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

  @Test("a pod that has ended is deleted, and made anew only when it is gone")
  func endedPods() {
    #expect(plan(set(), "0:2r 1:2f 2:2r") == ["delete web-1"])
    #expect(plan(set(), "0:2r 1:2t 2:2r") == [])
    #expect(plan(set(), "0:2r 2:2r") == ["create 1 of 2"])
  }

  @Test("a set that is being deleted does nothing")
  func deletedSet() {
    #expect(plan(set(deleted: true), "0:1r 2:1r") == [])
  }

  // MARK: Rolling updates

  @Test("a new template replaces pods from the last to the first, waiting for each to be ready")
  func rolling() {
    #expect(plan(set(), "0:1r 1:1r 2:1r") == ["delete web-2"])
    #expect(plan(set(), "0:1r 1:1r 2:1t") == [])
    #expect(plan(set(), "0:1r 1:1r") == ["create 2 of 2"])
    #expect(plan(set(), "0:1r 1:1r 2:2n") == [])
    #expect(plan(set(), "0:1r 1:1r 2:2r") == ["delete web-1"])
    #expect(plan(set(), "0:1r 1:2r 2:2r") == ["delete web-0"])
    #expect(plan(set(), "0:2r 1:2r 2:2r") == [])
  }

  @Test("a partition keeps lower ordinals at the current revision, also when they die")
  func partition() {
    #expect(plan(set(partition: 3), "0:1r 1:1r 2:1r") == [])
    #expect(plan(set(partition: 2), "0:1r 1:1r 2:1r") == ["delete web-2"])
    #expect(plan(set(partition: 2), "0:1r 1:1r 2:2r") == [])
    #expect(plan(set(partition: 2), "0:1r 2:2r") == ["create 1 of 1"])
    #expect(plan(set(partition: 2), "0:1r 1:1r") == ["create 2 of 2"])
    #expect(plan(set(partition: 99), "0:1r 1:1r") == ["create 2 of 1"])
  }

  @Test(
    "a pod that is not ready uses up the budget: nothing is replaced, not even that pod by a mended template")
  func stuckPod() {
    #expect(plan(set(), "0:1r 1:1r 2:1n") == [])
    #expect(plan(set(), "0:1n 1:1r 2:2r") == [])
    #expect(plan(set(parallel: false), "0:1r 1:1r 2:1n") == [])
  }

  @Test("a lower pod that is not ready stops the update although it is below the partition")
  func stuckBelowPartition() { #expect(plan(set(partition: 2), "0:1n 1:1r 2:1r") == []) }

  @Test("OnDelete replaces nothing, and makes what is deleted at the update revision")
  func onDelete() {
    #expect(plan(set(partition: nil), "0:1r 1:1r 2:1r") == [])
    #expect(plan(set(partition: nil), "0:1r 1:1r") == ["create 2 of 2"])
  }

  // MARK: Revisions and status

  @Test("going back to an old template uses its revision again")
  func oldTemplate() {
    #expect(
      plan(set(template: "1", current: "1"), "0:1r 1:1r 2:2r") == ["revision 1 becomes 3", "delete web-2"])
  }

  @Test("the current revision advances when all pods are updated and ready, not before")
  func currentRevision() {
    #expect(status(set(), "0:1r 1:2r 2:2r")?.currentRevision == "1")
    #expect(status(set(), "0:2n 1:2r 2:2r")?.currentRevision == "1")
    #expect(status(set(), "0:2r 1:2r 2:2r 3:2r")?.currentRevision == "1", "one pod too many")
    let done = status(set(), "0:2r 1:2r 2:2r")
    #expect(done?.currentRevision == "2")
    #expect(done?.currentReplicas == 3)
  }

  @Test("OnDelete never advances the current revision")
  func currentRevisionOnDelete() {
    let status = status(set(partition: nil), "0:2r 1:2r 2:2r")
    #expect(status?.currentRevision == "1")
    #expect(status?.updateRevision == "2")
  }

  @Test("the status counts what is there, and says which generation it speaks of")
  func counts() {
    let status = status(set(partition: 1), "0:1r 1:1n 2:2t 3:2r")
    #expect(
      status
        == SetStatus(
          observedGeneration: 5, replicas: 4, readyReplicas: 2, currentReplicas: 2, updatedReplicas: 1,
          currentRevision: "1", updateRevision: "2"))
  }

  @Test("revisions that no pod uses are forgotten beyond the limit, the oldest first")
  func history() {
    var limited = set(1, current: "2")
    limited.historyLimit = 1
    let many = (["a", "b", "c", "2"].enumerated()).map { RevisionState(name: $0.element, number: $0.offset) }
    #expect(plan(limited, "0:2r", revisions: many) == ["forget a", "forget b"])
    #expect(plan(limited, "0:ar", revisions: many) == ["delete web-0", "forget b"])
  }
}
