import ArgumentParser
import Diagnostics
import EmbeddedCluster
import FoundationEssentials
import Kubernetes
import Logging

/// Selects the cluster of a command; the same flags for every command that needs one.
struct ClusterOptions: ParsableArguments {
  @Option(
    defaultAsFlag: EmbeddedFolder.standard, parsing: .next,
    help: ArgumentHelp(
      "The embedded cluster, in the default folder or in --embedded=DIR.", valueName: "dir"),
    completion: .directory)
  var embedded: String?

  @Option(
    help: ArgumentHelp(
      "The kubeconfig of a Kubernetes cluster. (default: $KUBECONFIG, the pod's service account, ~/.kube/config)",
      valueName: "file"), completion: .file())
  var kubeconfig: String?

  @Option(help: ArgumentHelp("The kubeconfig's context. (default: its current one)", valueName: "name"))
  var context: String?

  @Flag(help: "Run the credential programs that a kubeconfig names.")
  var allowExecPlugins = false

  @Flag(help: "Accept a kubeconfig that disables the check of the server's certificate.")
  var allowInsecureTLS = false

  func validate() throws {
    if embedded != nil, kubeconfig != nil || context != nil {
      throw ValidationError("two clusters: use either --embedded or --kubeconfig and --context")
    }
  }

  /// Returns nil if a Kubernetes cluster is selected.
  func folder(_ environment: [String: String]) -> String? {
    guard kubeconfig == nil, context == nil else { return nil }
    return (embedded ?? environment["KDOPS_EMBEDDED"]).map { EmbeddedFolder.path($0, environment) }
  }

  /// Whether a Kubernetes cluster was selected explicitly, so that no other source is tried.
  func namesKubernetes(_ environment: [String: String]) -> Bool {
    folder(environment) == nil
      && (kubeconfig != nil || context != nil || environment["KDOPS_KUBECONFIG"] != nil)
  }

  /// Whether a Kubernetes cluster is selected for a command that git cannot answer: also by `KUBECONFIG`.
  func selectsKubernetes(_ environment: [String: String]) -> Bool {
    namesKubernetes(environment)
      || folder(environment) == nil && environment["KUBECONFIG"].map { !$0.isEmpty } == true
  }

  /// The flags that select the same cluster, for a command to copy; a space before each.
  var flags: String {
    var flags = ""
    if let embedded { flags += embedded.isEmpty ? " --embedded" : " --embedded=\(ShellWord.value(embedded))" }
    if let kubeconfig { flags += " --kubeconfig=\(ShellWord.value(kubeconfig))" }
    if let context { flags += " --context=\(ShellWord.value(context))" }
    return flags
  }

  func connection(_ environment: [String: String]) -> ConnectionOptions {
    ConnectionOptions(
      kubeconfig: kubeconfig ?? environment["KDOPS_KUBECONFIG"],
      context: context ?? environment["KDOPS_CONTEXT"],
      environment: environment, allowsExecPlugins: allowExecPlugins, allowsInsecureTLS: allowInsecureTLS)
  }
}

/// The default folder of the embedded cluster, if `--embedded` gives none.
enum EmbeddedFolder {
  /// The value that means the default folder.
  static let standard = ""

  /// - Returns: The given folder, or `$XDG_STATE_HOME/kdops`, or `~/.local/state/kdops`.
  static func path(_ given: String, _ environment: [String: String]) -> String {
    given.isEmpty ? state(environment) : given
  }

  /// The folder for data that a daemon can recreate: `$XDG_STATE_HOME/kdops`, or `~/.local/state/kdops`.
  static func state(_ environment: [String: String]) -> String {
    if let state = environment["XDG_STATE_HOME"], state.hasPrefix("/") { return "\(state)/kdops" }
    return "\(environment["HOME"] ?? ".")/.local/state/kdops"
  }
}
