import ArgumentParser
import Daemon
import Diagnostics
import EmbeddedAPI
import EmbeddedCluster
import FoundationEssentials
import KubeDirector
import Kubernetes
import Logging
import Reconciler
import Reports
import Rules
import ServiceLifecycle
import Signatures
import UnixSignals
import Views
import Webhooks

/// `kdops run`: runs the daemon.
struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Run the daemon: follow a repository and apply its clusters.",
    discussion: """
      Flags override the environment (KDOPS_BRANCH, KDOPS_STATUS_TREE_REF …), and the environment overrides the \
      --config file. Secrets come only from files or the environment: KDOPS_GIT_TOKEN_FILE, or KDOPS_GIT_USER with \
      KDOPS_GIT_PASSWORD_FILE, or KDOPS_GIT_SSH_KEY_FILE (without it the ssh agent), KDOPS_GIT_KNOWN_HOSTS.
      Without --once, the daemon waits for a Kubernetes cluster or a repository that cannot be reached.
      Exit codes: 0 stopped, or with --once converged; 1 with --once something was rejected, waits or failed, or its status could not be pushed; \
      2 it could not be run, or with --once the repository or the Kubernetes cluster could not be reached.
      """)

  @Option(help: ArgumentHelp("The repository: a path, file://, https:// or ssh://.", valueName: "url"))
  var repo: String?

  @Option(help: "The branch to follow. (default: main)")
  var branch: String?

  @OptionGroup var cluster: ClusterOptions

  @Flag(help: "Run scripts without bubblewrap, as your user, with access to everything that you can access.")
  var embeddedUnsandboxed = false

  @Flag(
    help: "Converge, then exit: 0 if everything matches git, 1 if something was rejected or failed.")
  var once = false

  @Option(help: "The time between two fetches: 500ms, 1s, 5m. (default: 1m)")
  var interval: String?

  @Option(help: "The name of this installation, if a repository has several. (default: default)")
  var installation: String?

  @Option(
    help: ArgumentHelp(
      "The folder for the copy of the repository, on Kubernetes. (default: below ~/.local/state/kdops)",
      valueName: "dir"))
  var data: String?

  @Flag(
    help: ArgumentHelp(
      "Overwrite the status and notes that another cluster wrote to the repository, because this one has replaced it. "
        + "Also KDOPS_TAKE_OVER_STATUS=true."))
  var takeOverStatus = false

  @OptionGroup var admission: AdmissionOptions

  @OptionGroup var api: APIOptions

  @Option(help: ArgumentHelp("A settings file.", valueName: "file"))
  var config: String?

  @OptionGroup var logging: LogOptions

  @OptionGroup var screen: ScreenOptions

  func run() async throws {
    Streams.outliveReaders()
    let environment = ProcessInfo.processInfo.environment
    let console = screen.console(2, environment)
    let logger = try logging.logger(to: console, standard: console.isTerminal ? .warning : .info, environment)
    let settings = try settings(environment)
    try await check(settings.verify)
    guard let repo = settings.repo else {
      throw ValidationError("no repository: set --repo URL, KDOPS_REPO or `repo:` in the --config file")
    }
    let now: @Sendable () -> Int = { Int(Date().timeIntervalSince1970) }
    let board = ProgressBoard(console: console, clock: ContinuousClock(), now: now)
    let outcome = try await Kdops.reporting("run") {
      if let folder = cluster.folder(environment) {
        return try await runEmbedded(in: folder, settings, repo, board, console, logger, environment)
      } else {
        return try await runOnKubernetes(settings, repo, board, console, logger, environment)
      }
    }
    try finish(outcome, await board.blockedChanges, console)
  }

  func validate() throws {
    if admission.isAsked, cluster.embedded != nil {
      throw ValidationError("--admission: only Kubernetes calls a webhook; leave it out with --embedded")
    }
    if api.serveAPI != nil, cluster.folder(ProcessInfo.processInfo.environment) == nil {
      throw ValidationError("--serve-api: Kubernetes has an API of its own; use it with --embedded")
    }
  }

  private func runEmbedded(
    in folder: String, _ settings: DaemonConfiguration, _ repo: String, _ board: ProgressBoard,
    _ console: Console, _ logger: Logger, _ environment: [String: String]
  ) async throws -> Reconciler.Outcome {
    var options = try Daemon.Options(settings, repo: repo, folder: folder, environment: environment)
    options.policy.isEmbedded = true
    options.takesOverStatus = takesOverStatus(environment)
    options.configcli = try ConfigCLIArchive.read(settings.configcli, digest: settings.configcliDigest)
    try await options.signer?.tryOut()
    let backend = try await Backend.embedded(
      folder, embeddedUnsandboxed ? .none : .bubblewrap, limits: settings.scriptLimits,
      cgroups: ScriptCgroups.prepared(for: settings.scriptLimits, logger), logger: logger)
    let daemon = try await Daemon.open(
      options, on: backend, logger: logger, observers: [board.observer(logger)])
    greet("cluster in \(folder)", settings, repo, console)
    var beside: [any Service] = [daemon.control(in: folder), daemon.heartbeat(in: folder)]
    if let address = api.serveAPI, case .embedded(let cluster) = backend {
      beside.append(
        try EmbeddedAPIServer.embedded(
          cluster, in: folder, address: address, policy: options.policy, stamp: nil, logger: logger,
          onListening: { _ in
            if console.isTerminal {
              console.line("kubectl --kubeconfig \(EmbeddedAPIServer.kubeconfig(in: folder))")
            }
          }))
    }
    let fetches = FetchRequests()
    fetches.attach(daemon.reconciler)
    if let server = webhookServer(settings, fetches, logger) { beside.append(server) }
    return try await daemon.run(
      once: once, view: BackgroundService("progress") { await board.run() }, beside: beside,
      signals: [.sigterm, .sigint])
  }

  private func runOnKubernetes(
    _ settings: DaemonConfiguration, _ repo: String, _ board: ProgressBoard, _ console: Console,
    _ logger: Logger, _ environment: [String: String]
  ) async throws -> Reconciler.Outcome {
    let folder =
      DataFolder.path(data, installation: settings.installation, repo: repo, environment)
    var options = try Daemon.Options(settings, repo: repo, folder: folder, environment: environment)
    options.takesOverStatus = takesOverStatus(environment)
    options.configcli = try ConfigCLIArchive.read(settings.configcli, digest: settings.configcliDigest)
    try await options.signer?.tryOut()
    let client = try await KubernetesClient.connect(cluster.connection(environment), logger: logger)
    let daemon = KubernetesDaemon(client: client, options: options, logger: logger)
    let outcome: Result<Reconciler.Outcome, any Error>
    do {
      outcome = .success(try await follow(daemon, settings, repo, board, console))
    } catch {
      outcome = .failure(error)
    }
    await client.shutdown()
    return try outcome.get()
  }

  private func follow(
    _ daemon: KubernetesDaemon, _ settings: DaemonConfiguration, _ repo: String, _ board: ProgressBoard,
    _ console: Console
  ) async throws -> Reconciler.Outcome {
    let signals: [UnixSignal] = [.sigterm, .sigint]
    let logger = daemon.logger
    let hasArrived = try await daemon.arrive(waits: !once, signals: signals) { error, wait in
      logger.warning(
        "cluster.away", metadata: ["error": "\(error.message)", "retry": "\(wait.components.seconds)s"])
    }
    guard hasArrived else { return .cancelled }
    var beside: [any Service] = [BackgroundService("progress") { await board.run() }]
    if let server = try await admission.server(for: daemon) { beside.append(server) }
    let fetches = daemon.fetchRequests()
    if let server = webhookServer(settings, fetches, logger) { beside.append(server) }
    greet("Kubernetes \(daemon.client.label)", settings, repo, console)
    return try await daemon.run(
      once: once, observers: [board.observer(logger)], more: beside, fetches: fetches, signals: signals,
      onWaiting: { holder in
        if console.isTerminal {
          console.line("waits for \(holder), the current leader; becomes the leader when that ends")
        }
      })
  }

  /// The listener for webhooks; nil if it is not configured. A run with `--once` fetches only once.
  private func webhookServer(
    _ settings: DaemonConfiguration, _ fetches: FetchRequests, _ logger: Logger
  ) -> WebhookServer? {
    guard !once, let webhook = settings.webhook else { return nil }
    return WebhookServer(webhook, logger: logger, fetch: { try await fetches.fetch() })
  }

  private func takesOverStatus(_ environment: [String: String]) -> Bool {
    takeOverStatus || environment["KDOPS_TAKE_OVER_STATUS"] == "true"
  }

  private func greet(_ place: String, _ settings: DaemonConfiguration, _ repo: String, _ console: Console) {
    guard console.isTerminal else { return }
    console.line(Redaction.url("kdops \(Kdops.version) follows \(repo) (\(settings.branch)), \(place)"))
  }

  private func finish(
    _ outcome: Reconciler.Outcome, _ blocked: BlockedChangeList, _ console: Console
  ) throws {
    switch outcome {
    case .converged: return
    case .cancelled:
      if once { throw ExitCode(1) }
    case .unsettled(let rejected, let failed, let waiting):
      let counts = [(rejected, "rejected"), (failed, "failed"), (waiting, "waiting")].filter { $0.0 > 0 }
      console.line("does not match git: \(counts.map { "\($0.0) \($0.1)" }.joined(separator: ", "))")
      for line in Self.remedies(blocked, cluster.flags) { console.line(line) }
      throw ExitCode(1)
    case .statusUnwritten(let reason):
      console.line("everything matches git, but its status could not be written to git: \(reason)")
      throw ExitCode(1)
    case .unreachable(let error):
      console.line("kdops run: \(error)")
      throw Kdops.couldNotRun
    }
  }

  /// The actions that the user of a run with `--once` has to take for blocked changes; empty if there are none.
  static func remedies(_ blocked: BlockedChangeList, _ flags: String) -> [String] {
    guard !blocked.isEmpty else { return [] }
    // No daemon runs that `kdops sync --accept` could reach.
    let isRewritten = blocked.changes.contains { $0.isOfCommit && $0.rules == [CommitHistory.id] }
    return [
      isRewritten
        ? "history was rewritten, and nothing was applied: push a head that contains the last attempted revision, or "
          + "follow the new one: KDOPS_ON_REWRITTEN_HISTORY=accept kdops run --once …"
        : "the blocked changes and what to do: kdops status\(flags)"
    ]
  }

  /// Checks that the tools for verifying signatures are available before anything else is done.
  private func check(_ policy: SignaturePolicy) async throws {
    let problems = await SignatureTools(policy, folder: "").problems()
    for problem in problems { Streams.error.line("kdops run: \(problem)") }
    if !problems.isEmpty { throw Kdops.couldNotRun }
  }

  /// Merges the layers, and reports all problems at once.
  private func settings(_ environment: [String: String]) throws -> DaemonConfiguration {
    let file: ConfigurationFile?
    do throws(ConfigurationFile.Unreadable) {
      file = try (config ?? environment["KDOPS_CONFIG"]).map(ConfigurationFile.init)
    } catch {
      Streams.error.line("kdops run: \(error)")
      throw Kdops.couldNotRun
    }
    var flags: [String: String] = [:]
    flags["repo"] = repo
    flags["branch"] = branch
    flags["interval"] = interval
    flags["installation"] = installation
    let (settings, findings) = DaemonConfiguration.read(
      file: file.map { ($0.path, $0.bytes) }, environment: environment, flags: flags)
    let source = file.map { SourceText($0.bytes) }
    let renderer = HumanRenderer { _, line in source?.line(line) }
    for finding in findings.inReportOrder() { Streams.error.line(renderer.render(finding)) }
    guard let settings else { throw Kdops.couldNotRun }
    return settings
  }
}
