import ClusterAPI
import KubeDirector
import LiveState
import Upgrade
import Values

/// The fields of a PodDisruptionBudget that the engine uses.
struct Budget: WatchedValue, Hashable {
  var name: String
  var selector: PodSelector
  /// The number of its pods that may be disrupted, as last counted by the server.
  var disruptionsAllowed: Int
  var desiredHealthy: Int
  var expectedPods: Int

  init(watched object: Object) {
    let status = object.json["status"]
    name = object.name
    selector = PodSelector(object.json["spec"]?["selector"])
    disruptionsAllowed = status?["disruptionsAllowed"]?.count() ?? 0
    desiredHealthy = status?["desiredHealthy"]?.count() ?? 0
    expectedPods = status?["expectedPods"]?.count() ?? 0
  }

  /// The number of pods that may be disrupted now. The server's count lags behind the pods. If all pods that it counts
  /// are known here, their observed state is counted too, and the smaller number applies.
  ///
  /// - Parameter pods: the pods of one cluster that the budget covers.
  func allowed(for pods: [Object]) -> Int {
    guard pods.count >= expectedPods else { return disruptionsAllowed }
    let healthy = pods.count { PodObservation($0).isReady && !$0.isBeingDeleted }
    return min(disruptionsAllowed, healthy - desiredHealthy)
  }
}

/// Selects pods by their labels. Implements Kubernetes' `LabelSelector`.
struct PodSelector: Sendable, Hashable {
  private var requirements: [Requirement] = []
  /// Whether the budget has no selector, and therefore covers no pod. An empty selector covers every pod.
  private var isAbsent = false

  private struct Requirement: Sendable, Hashable {
    var key: String
    var rule: Rule
  }

  private enum Rule: Sendable, Hashable {
    case among([String])
    case notAmong([String])
    case present
    case absent
    /// An unknown operator. It matches, so that no pod is disrupted by mistake.
    case unknown
  }

  init(_ json: JSON?) {
    guard let json, json != .null else {
      isAbsent = true
      return
    }
    for (key, value) in (json["matchLabels"]?.strings ?? [:]).sorted(by: { $0.key < $1.key }) {
      requirements.append(Requirement(key: key, rule: .among([value])))
    }
    for expression in json["matchExpressions"]?.array ?? [] {
      let values = expression["values"]?.array?.compactMap(\.string) ?? []
      let rule: Rule =
        switch expression["operator"]?.string {
        case "In": .among(values)
        case "NotIn": .notAmong(values)
        case "Exists": .present
        case "DoesNotExist": .absent
        default: .unknown
        }
      requirements.append(Requirement(key: expression["key"]?.string ?? "", rule: rule))
    }
  }

  func covers(_ labels: [String: String]) -> Bool {
    guard !isAbsent else { return false }
    return requirements.allSatisfy { requirement in
      let value = labels[requirement.key]
      return switch requirement.rule {
      case .among(let values): value.map(values.contains) ?? false
      case .notAmong(let values): value.map { !values.contains($0) } ?? true
      case .present: value != nil
      case .absent: value == nil
      case .unknown: true
      }
    }
  }
}
