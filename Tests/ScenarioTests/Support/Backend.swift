import Foundation
import Testing

/// What runs the clusters of a scenario. The scenarios are the same, and so is what comes of them.
enum Backend: String, Sendable, CaseIterable, CustomTestStringConvertible {
  case embedded
  /// A real one: what `KUBECONFIG_FOR_TESTS` lets an administrator into.
  case kubernetes

  /// Those that can be had here.
  static let available: [Backend] = kubeconfig == nil ? [.embedded] : allCases

  /// An administrator's.
  static let kubeconfig: String? = {
    let path = ProcessInfo.processInfo.environment["KUBECONFIG_FOR_TESTS"]
    return path?.isEmpty == false ? path : nil
  }()

  var testDescription: String {
    switch self {
    case .embedded: "embedded"
    case .kubernetes: "Kubernetes"
    }
  }

  /// Of two values the one that fits: a node takes its time where the embedded one has to be told to.
  func pick<Value>(embedded: Value, kubernetes: Value) -> Value {
    self == .embedded ? embedded : kubernetes
  }

  /// How long something may take before it counts as something that will never be: generous, because it is reached
  /// only where something is wrong. A node needs 10 to 20 s for a pod, and now and then half a minute more.
  var patience: Duration { pick(embedded: .seconds(90), kubernetes: .seconds(300)) }

  /// Between two looks. On a Kubernetes each of them is a request, or even a process in a pod.
  var rhythm: Duration { pick(embedded: .milliseconds(40), kubernetes: .milliseconds(300)) }

  /// Scenarios of it that run side by side.
  var places: Places { self == .embedded ? Self.embeddedPlaces : Self.kubernetesPlaces }

  private static let embeddedPlaces = Places(2)
  private static let kubernetesPlaces = Places(2)
}

/// Scenarios on the embedded cluster need bubblewrap to run scripts as the daemon does.
let needsBubblewrap: any SuiteTrait & TestTrait = .enabled(
  if: DaemonProcess.hasBubblewrap, "bubblewrap is not installed: apt-get install bubblewrap")

/// What only a real Kubernetes can show.
let needsKubernetes: any SuiteTrait & TestTrait = .enabled(
  if: Backend.kubeconfig != nil,
  "KUBECONFIG_FOR_TESTS names no cluster, so no scenario is played on Kubernetes")
