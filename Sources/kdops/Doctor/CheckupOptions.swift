import ArgumentParser
import ClusterAPI
import Diagnostics
import Values

/// Selects what `kdops doctor` and `kdops report` look at: with the flags of `kdops run`, the daemon that those start.
struct CheckupOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The repository of the daemon.", valueName: "url"))
  var repo: String?

  @Option(help: "The branch that it follows. (default: main)")
  var branch: String?

  @OptionGroup var cluster: ClusterOptions

  @Flag(help: "Scripts of the embedded cluster run without bubblewrap.")
  var embeddedUnsandboxed = false

  @OptionGroup var system: SystemOptions

  @Option(
    help: ArgumentHelp("The folder for the copy of the repository, on Kubernetes.", valueName: "dir"),
    completion: .directory)
  var data: String?

  @Option(help: ArgumentHelp("The daemon's settings file.", valueName: "file"), completion: .file())
  var config: String?

  @Option(
    help: ArgumentHelp(
      "Check the permissions of this service account, such as kdops-system/kdops. (default: the account of the connection)",
      valueName: "ns/name"))
  var serviceAccount: String?

  func validate() throws {
    if let serviceAccount, Self.account(serviceAccount) == nil {
      throw ValidationError("--service-account \(serviceAccount): write NAMESPACE/NAME")
    }
  }

  var account: ObjectName? { serviceAccount.flatMap(Self.account) }

  private static func account(_ text: String) -> ObjectName? {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2, !parts.contains("") else { return nil }
    return ObjectName(namespace: parts[0], name: parts[1])
  }

  /// The settings on the command line, by key.
  var flags: [String: String] {
    var flags: [String: String] = [:]
    flags["repo"] = repo
    flags["branch"] = branch
    flags["installation"] = system.installation
    flags["systemNamespace"] = system.systemNamespace
    return flags
  }

  /// Merges the settings file, the environment and the flags. Problems are among its findings, also if the file cannot
  /// be read.
  func configuration(_ environment: [String: String]) -> ConfigurationReader {
    var reader = ConfigurationReader()
    if let path = config ?? environment["KDOPS_CONFIG"] {
      do throws(ConfigurationFile.Unreadable) {
        let file = try ConfigurationFile(path)
        reader.read(file: file.path, file.bytes)
      } catch {
        reader.report(unreadable: error)
      }
    }
    reader.read(environment: environment)
    reader.read(flags: flags)
    reader.compare()
    return reader
  }

  static let standardInstallCommand = "kdops install --export | kubectl apply -f -"

  /// The command that installs what the daemon needs, for the same installation and cluster.
  ///
  /// - Parameter values: the values of all settings, by key.
  func installCommand(_ values: [String: JSON], _ environment: [String: String]) -> String {
    var install = ""
    var kubectl = ""
    func add(_ flag: String, _ value: String?, to flags: inout String) {
      if let value, !value.isEmpty { flags += " --\(flag)=\(ShellWord.value(value))" }
    }
    func changed(_ key: String) -> String? {
      values[key] == Setting.byKey[key]?.standard ? nil : values[key]?.string
    }
    add("config", config ?? environment["KDOPS_CONFIG"], to: &install)
    add("namespace", changed("systemNamespace"), to: &install)
    add("installation", changed("installation"), to: &install)
    add("kubeconfig", cluster.kubeconfig ?? environment["KDOPS_KUBECONFIG"], to: &kubectl)
    add("context", cluster.context ?? environment["KDOPS_CONTEXT"], to: &kubectl)
    return "kdops install --export\(install) | kubectl\(kubectl) apply -f -"
  }

  /// Whether the options or the environment select a Kubernetes cluster.
  func selectsKubernetes(_ environment: [String: String]) -> Bool {
    cluster.folder(environment) == nil
      && (cluster.namesKubernetes(environment) || environment["KUBERNETES_SERVICE_HOST"] != nil)
  }
}
