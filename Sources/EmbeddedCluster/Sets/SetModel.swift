import ClusterAPI
import KubeDirector
import Values

/// The part of a StatefulSet that the controller needs for its decisions.
struct SetState: Sendable, Hashable {
  enum Strategy: Sendable, Hashable {
    /// Ordinals from `partition` upwards get the update revision, lower ones keep the current revision.
    case rolling(partition: Int)
    case onDelete
  }

  var name: String
  var generation: Int
  var replicas: Int
  var strategy: Strategy
  /// True for `Parallel`: pods are created and deleted without waiting for each other.
  var isParallel: Bool
  var isBeingDeleted: Bool
  var historyLimit: Int
  /// The revision name of the current template.
  var templateRevision: String
  var status: SetStatus

  var allowedUnavailable: Int { 1 }
}

struct SetStatus: Sendable, Hashable {
  var observedGeneration = 0
  var replicas = 0
  var readyReplicas = 0
  var currentReplicas = 0
  var updatedReplicas = 0
  var currentRevision = ""
  var updateRevision = ""
}

/// A ControllerRevision. Its name is a hash of the template, its number the order in which templates were last
/// used.
struct RevisionState: Sendable, Hashable {
  var name: String
  var number: Int
}

struct SetPodState: Sendable, Hashable {
  var name: String
  var ordinal: Int
  /// The label `controller-revision-hash`.
  var revision: String
  /// Phase `Running` and condition `Ready`.
  var isReady: Bool
  var isTerminating: Bool
  /// Phase `Failed` or `Succeeded`.
  var isFinished: Bool
}

/// An action for a set. Actions are executed in the order of the plan.
enum SetAction: Sendable, Hashable {
  case createRevision(name: String, number: Int)
  /// Makes an existing revision the newest, because its template is used again.
  case renumberRevision(name: String, number: Int)
  case createPod(ordinal: Int, revision: String)
  case deletePod(name: String)
  case writeStatus(SetStatus)
  case deleteRevision(name: String)
}

extension SetState {
  /// A set has at most as many pods as a cluster may have members; a larger number is reduced to this limit.
  private static let replicaLimit = ClusterSpec.memberLimit

  init(_ object: Object, templateRevision: String) {
    let spec = object.json["spec"]
    let strategy = spec?["updateStrategy"]
    self.init(
      name: object.name, generation: object.generation,
      replicas: spec?["replicas"]?.count(upTo: Self.replicaLimit) ?? 1,
      strategy: strategy?["type"]?.string == "OnDelete"
        ? .onDelete : .rolling(partition: strategy?["rollingUpdate"]?["partition"]?.count() ?? 0),
      isParallel: spec?["podManagementPolicy"]?.string == "Parallel", isBeingDeleted: object.isBeingDeleted,
      historyLimit: spec?["revisionHistoryLimit"]?.count() ?? 10, templateRevision: templateRevision,
      status: SetStatus(object.json["status"] ?? [:]))
  }
}

extension SetStatus {
  init(_ json: JSON) {
    func count(_ key: String) -> Int { json[key]?.count() ?? 0 }
    self.init(
      observedGeneration: count("observedGeneration"), replicas: count("replicas"),
      readyReplicas: count("readyReplicas"), currentReplicas: count("currentReplicas"),
      updatedReplicas: count("updatedReplicas"), currentRevision: json["currentRevision"]?.string ?? "",
      updateRevision: json["updateRevision"]?.string ?? "")
  }

  var json: JSON {
    [
      "observedGeneration": JSON(observedGeneration), "replicas": JSON(replicas),
      "readyReplicas": JSON(readyReplicas), "availableReplicas": JSON(readyReplicas),
      "currentReplicas": JSON(currentReplicas), "updatedReplicas": JSON(updatedReplicas),
      "currentRevision": .string(currentRevision), "updateRevision": .string(updateRevision),
      "collisionCount": 0,
    ]
  }
}

extension SetPodState {
  /// Nil for a pod whose name is not the set's name with an ordinal.
  init?(_ object: Object, set: String) {
    let name = object.name
    guard name.hasPrefix("\(set)-"), let ordinal = Int(name.dropFirst(set.utf8.count + 1)), ordinal >= 0
    else {
      return nil
    }
    let phase = object.json["status"]?["phase"]?.string
    self.init(
      name: name, ordinal: ordinal, revision: object.label(PodFactory.revisionLabel) ?? "",
      isReady: phase == "Running" && Self.isReady(object), isTerminating: object.isBeingDeleted,
      isFinished: phase == "Failed" || phase == "Succeeded")
  }

  private static func isReady(_ object: Object) -> Bool {
    object.json["status"]?["conditions"]?.array?.contains {
      $0["type"]?.string == "Ready" && $0["status"]?.string == "True"
    } ?? false
  }
}
