import ArgumentParser
import Rules

/// Selects the daemon of a Kubernetes cluster: its namespace and its installation.
struct SystemOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The daemon's namespace on Kubernetes. (default: kdops-system)", valueName: "namespace"))
  var systemNamespace: String?

  @Option(help: "The installation on Kubernetes. (default: default)")
  var installation: String?

  /// The namespace of the daemon's own objects.
  func namespace(_ environment: [String: String]) -> String {
    systemNamespace ?? environment["KDOPS_SYSTEM_NAMESPACE"] ?? Policy.defaultSystemNamespace
  }

  /// The daemons of the installation.
  func daemon(_ environment: [String: String]) -> DaemonSelection {
    DaemonSelection(
      systemNamespace: namespace(environment),
      installation: installation ?? environment["KDOPS_INSTALLATION"] ?? "default")
  }
}
