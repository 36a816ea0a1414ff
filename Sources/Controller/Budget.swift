import ClusterAPI
import KubeDirector
import Upgrade
import Values

/// A PodDisruptionBudget, as far as the engine heeds it.
struct Budget: Sendable, Hashable {
  var name: String
  var selector: PodSelector
  /// How many of its pods may be disrupted, as the server last counted.
  var disruptionsAllowed: Int
  var desiredHealthy: Int
  var expectedPods: Int

  init(_ object: Object) {
    let status = object.json["status"]
    name = object.name
    selector = PodSelector(object.json["spec"]?["selector"])
    disruptionsAllowed = status?["disruptionsAllowed"]?.count() ?? 0
    desiredHealthy = status?["desiredHealthy"]?.count() ?? 0
    expectedPods = status?["expectedPods"]?.count() ?? 0
  }

  /// The server counts a while after a pod has gone or come. Where all the pods that it counts are at hand, what
  /// is seen of them counts too, and the smaller number holds.
  ///
  /// - Parameter pods: those of one cluster that the budget covers.
  func allowed(for pods: [Object]) -> Int {
    guard pods.count >= expectedPods else { return disruptionsAllowed }
    let healthy = pods.count { PodObservation($0).isReady && !$0.isBeingDeleted }
    return min(disruptionsAllowed, healthy - desiredHealthy)
  }
}

/// Which pods are meant, by their labels, as Kubernetes' `LabelSelector` says it.
struct PodSelector: Sendable, Hashable {
  private var requirements: [Requirement] = []
  /// A budget without a selector covers nothing; one with an empty selector covers every pod.
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
    /// Of a kind that we do not know: covers, so that nothing is disrupted by mistake.
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
