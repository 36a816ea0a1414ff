import Foundation
import Testing

/// The kind of cluster that a scenario runs on. Scenarios and their results are the same on both.
enum Backend: String, Sendable, CaseIterable, CustomTestStringConvertible {
  case embedded
  /// A real cluster, with the administrator's kubeconfig that `KUBECONFIG_FOR_TESTS` names.
  case kubernetes

  /// The backends that are available on this machine.
  static let available: [Backend] = kubeconfig == nil ? [.embedded] : allCases

  /// An administrator's kubeconfig.
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

  /// Selects the value for this backend: the embedded node needs explicit delays, a real one is slow enough.
  func pick<Value>(embedded: Value, kubernetes: Value) -> Value {
    self == .embedded ? embedded : kubernetes
  }

  /// The timeout of a wait. It is generous, because only a failure reaches it. A node needs 10 to 20 s for a
  /// pod, and sometimes half a minute more.
  var timeout: Duration { pick(embedded: .seconds(90), kubernetes: .seconds(300)) }

  /// The polling interval. On Kubernetes each poll is a request, or even a process in a pod.
  var pollInterval: Duration { pick(embedded: .milliseconds(40), kubernetes: .milliseconds(300)) }

  /// The limit on scenarios that run in parallel.
  var places: ParallelLimit { self == .embedded ? Self.embeddedPlaces : Self.kubernetesPlaces }

  private static let embeddedPlaces = ParallelLimit(2)
  private static let kubernetesPlaces = ParallelLimit(2)
}

/// Scenarios on the embedded cluster need bubblewrap to run scripts as the daemon does.
let needsBubblewrap: any SuiteTrait & TestTrait = .enabled(
  if: DaemonProcess.hasBubblewrap, "bubblewrap is not installed: apt-get install bubblewrap")

/// For behaviour that only a real Kubernetes has.
let needsKubernetes: any SuiteTrait & TestTrait = .enabled(
  if: Backend.kubeconfig != nil,
  "KUBECONFIG_FOR_TESTS names no cluster, so no scenario is played on Kubernetes")
