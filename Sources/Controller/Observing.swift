import ClusterAPI
import KubeDirector
import Upgrade
import Values

// Converts API objects to the observations that the machine reads.

extension SetObservation {
  init(_ set: Object) {
    let spec = set.json["spec"]
    let status = set.json["status"]
    let update = spec?["updateStrategy"]
    self.init(
      image: set.annotation(SetAnnotation.image) ?? "", replicas: spec?["replicas"]?.count() ?? 1,
      strategy: update?["type"]?.string == "OnDelete"
        ? .onDelete : .rollingUpdate(partition: update?["rollingUpdate"]?["partition"]?.count() ?? 0),
      isObserved: (status?["observedGeneration"]?.count() ?? 0) >= set.generation,
      currentRevision: status?["currentRevision"]?.string ?? "",
      updateRevision: status?["updateRevision"]?.string ?? "",
      selectsApp: spec?["selector"]?["matchLabels"]?[Wire.Label.app] != nil)
  }
}

/// Annotations that kdops sets on a StatefulSet, never in its template.
enum SetAnnotation {
  /// The image that kdops wrote into the template, even if a webhook changed it.
  static let image = Wire.Annotation.image
}

/// Annotations that kdops sets on a service.
enum ServiceAnnotation {
  /// A digest of the input that the service was made from.
  static let mark = "kdops.dev/made-from"
  /// The token of the member, as KubeDirector names it.
  static let token = "kd-auth-token"
}

extension ClusterCache.ClusterSnapshot {
  /// The pods as observed. A container whose commands have failed for some time waits for that reason, unless
  /// Kubernetes reports another one.
  var podObservations: [String: PodObservation] {
    var observations = pods.mapValues(\.observation)
    for (pod, failure) in lastingFailures {
      guard let observation = observations[pod], observation.containerID == failure.containerID,
        observation.waitingReason == nil
      else { continue }
      observations[pod]?.waitingReason = CommandFailure.waitingReason
      observations[pod]?.waitingMessage = failure.message
    }
    return observations
  }
}

extension PodObservation {
  init(_ pod: Object) {
    let status = pod.json["status"]
    let container = status?["containerStatuses"]?.array?.first { $0["name"]?.string == "app" }
    let conditions = status?["conditions"]?.array ?? []
    let condition = conditions.first { $0["type"]?.string == "Ready" }
    let ready = condition?["status"]?.string == "True"
    let running = container?["state"]?["running"] != nil
    let scheduled = conditions.first { $0["type"]?.string == "PodScheduled" }
    // An init container pulls the same image first, so its waiting reason counts like the container's own. A pod is
    // not ready before injected containers are, so their reasons count too.
    let waiting =
      (status?["initContainerStatuses"]?.array ?? []).compactMap { $0["state"]?["waiting"] }.first
      ?? container?["state"]?["waiting"]
      ?? (status?["containerStatuses"]?.array ?? []).compactMap { $0["state"]?["waiting"] }.first
    let metadata = pod.json["metadata"]
    self.init(
      uid: pod.uid, resourceVersion: pod.resourceVersion,
      revision: pod.label("controller-revision-hash") ?? "", isBeingDeleted: pod.isBeingDeleted,
      createdAt: metadata?["creationTimestamp"]?.string.flatMap(Timestamp.seconds),
      endsBy: metadata?["deletionTimestamp"]?.string.flatMap(Timestamp.seconds),
      containerID: running ? container?["containerID"]?.string : nil, hasRun: Self.hasRun(status),
      isUnstarted: scheduled?["status"]?.string == "True"
        && !Self.containers(status).contains(where: Self.wasStarted),
      isContainerReady: running && container?["ready"]?.bool ?? true,
      isReady: running && ready,
      waitingReason: waiting?["reason"]?.string.map(StatusReason.init(rawValue:)),
      waitingMessage: waiting?["message"]?.string,
      schedulingError: scheduled?["status"]?.string == "False" ? scheduled?["message"]?.string : nil,
      unschedulableSince: scheduled?["lastTransitionTime"]?.string.flatMap(Timestamp.seconds),
      appLabel: pod.label(Wire.Label.app),
      firstStartedAt: Self.firstStart(status),
      hasRestarted: (container?["restartCount"]?.count() ?? 0) > 0,
      readySince: ready ? condition?["lastTransitionTime"]?.string.flatMap(Timestamp.seconds) : nil)
  }

  private static func containers(_ status: JSON?) -> [JSON] {
    (status?["initContainerStatuses"]?.array ?? []) + (status?["containerStatuses"]?.array ?? [])
  }

  /// The first start of any container. An init container pulls the same image first, so its start marks the end of the
  /// pull.
  private static func firstStart(_ status: JSON?) -> Int? {
    let containers = containers(status)
    return containers.flatMap { container in
      [
        container["lastState"]?["terminated"], container["state"]?["terminated"],
        container["state"]?["running"],
      ]
    }.compactMap { $0?["startedAt"]?.string.flatMap(Timestamp.seconds) }.min()
  }

  /// False only if the node reported that a container could not be started, and reported no start of any. A container
  /// that merely waits may be starting at this moment.
  private static func hasRun(_ status: JSON?) -> Bool {
    let containers = containers(status)
    let hasFailed = containers.contains {
      $0["state"]?["waiting"]?["reason"]?.string.map { StatusReason(rawValue: $0).isFailedStart } ?? false
    }
    return !hasFailed
      || containers.contains(where: wasStarted)
  }

  private static func wasStarted(_ container: JSON) -> Bool {
    container["state"]?["waiting"] == nil || container["lastState"]?["terminated"] != nil
      || container["containerID"]?.string?.isEmpty == false || (container["restartCount"]?.count() ?? 0) > 0
  }
}
