import ArgumentParser
import Diagnostics
import FoundationEssentials
import Installation

/// `kdops install`: prints the manifests of an installation on Kubernetes for an administrator to review and
/// apply.
struct InstallCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "install", abstract: "Print the manifests that kdops needs on a Kubernetes cluster.",
    discussion: """
      Prints one stream of YAML: the namespace, the CRDs of apps and clusters, a service account with only the \
      permissions that are used and, with --repo, the daemon. Applying it again changes nothing. Tenants' namespaces \
      must already exist.
        kdops install --export --repo https://git.example/fleet.git --image IMAGE | kubectl apply -f -
      Exit codes: 0 printed; 2 it could not be printed.
      """)

  @Flag(help: "Print the manifests.")
  var export = false

  @Option(
    help: ArgumentHelp("Also run the daemon, with this repository: https:// or ssh://.", valueName: "url"))
  var repo: String?

  @Option(help: "The branch to follow. (default: main)")
  var branch: String?

  @Option(help: "The daemon's namespace. (default: the system namespace of --config, else kdops-system)")
  var namespace: String?

  @Option(help: "The name of this installation, if a cluster has several. (default: default)")
  var installation: String?

  @Option(help: "The image of the daemon; docs/Containerfile builds one.")
  var image = InstallationSettings().image

  @Option(
    help: ArgumentHelp(
      "A namespace whose clusters are managed; can be repeated. (default: all except kube-* and the daemon's own)",
      valueName: "namespace"))
  var tenant: [String] = []

  @Option(
    help: ArgumentHelp(
      "The daemon's settings file; the files that it names are mounted from the Secret kdops-keys.",
      valueName: "file"))
  var config: String?

  @Option(help: "The number of daemons; one of them is the leader.")
  var replicas = 1

  @Flag(help: "Validate manual writes by the same rules, with an admission webhook.")
  var admission = false

  @Option(
    name: .customLong("admission-url"),
    help: ArgumentHelp(
      "The URL of the webhook for the API server, if the daemon runs outside; ends in /admit.",
      valueName: "url"))
  var admissionURL: String?

  func run() throws {
    guard export else {
      Streams.error.line(
        """
        kdops install changes nothing itself: the administrator of the cluster reads its output and applies it.
          kdops install --export | less
          kdops install --export | kubectl apply -f -
        """)
      throw Kdops.couldNotRun
    }
    let file: ConfigurationFile?
    do throws(ConfigurationFile.Unreadable) { file = try config.map(ConfigurationFile.init) } catch {
      Streams.error.line("kdops install: \(error)")
      throw Kdops.couldNotRun
    }
    let (settings, findings) = settings(file.map { ($0.path, $0.bytes) })
    let source = file.map { SourceText($0.bytes) }
    let renderer = HumanRenderer { _, line in source?.line(line) }
    for finding in findings.inReportOrder() { Streams.error.line(renderer.render(finding)) }
    guard let settings else { throw Kdops.couldNotRun }
    try Streams.output.result(InstallationExport(settings).text, .finished)
  }

  /// - Parameter file: The path and content of the `--config` file.
  /// - Returns: Nil, and at least one error among the findings, if nothing can be exported.
  func settings(_ file: (path: String, bytes: [UInt8])?) -> (InstallationSettings?, [Diagnostic]) {
    var reader = ConfigurationReader()
    if let file { reader.read(file: file.path, file.bytes) }
    var flags: [String: String] = [:]
    flags["repo"] = repo
    flags["branch"] = branch
    flags["installation"] = installation
    reader.read(flags: flags)
    reader.compare()
    var findings = reader.findings
    func report(_ severity: Severity, _ message: String, _ hint: String? = nil) {
      findings.append(
        Diagnostic(rule: ConfigurationReader.rule, severity: severity, message: message, hint: hint))
    }
    var settings = InstallationSettings(configuration: reader.values)
    if let namespace {
      settings.namespace = namespace
      // Without a file, the system's apps are assumed to be in the daemon's namespace.
      if file == nil { settings.systemNamespace = namespace }
    }
    if !tenant.isEmpty { settings.tenantNamespaces = tenant }
    settings.image = image
    settings.replicas = replicas
    settings.admission = admissionURL.map { .url($0) } ?? (admission ? .service : nil)
    settings.repo = repo
    do {
      let isElsewhere = try settings.takeCredentials()
      if !isElsewhere, let repo {
        report(
          .warning, "the repository \(repo) is a folder, which the daemon's pod does not have",
          "name it as https:// or ssh://")
      }
    } catch {
      report(.error, error.message, error.hint)
    }
    for problem in settings.problems { report(.error, problem) }
    let isUsable = !findings.contains { $0.severity == .error }
    return (isUsable ? settings : nil, findings)
  }
}
