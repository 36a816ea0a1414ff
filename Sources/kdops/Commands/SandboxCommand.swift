import ArgumentParser
import Daemon
import Diagnostics
import EmbeddedAPI
import EmbeddedCluster
import FoundationEssentials
import Logging
import Rules
import UnixSignals

/// `kdops sandbox`: an embedded cluster for `kubectl`, without a repository.
struct SandboxCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sandbox",
    abstract: "Run an embedded cluster for kubectl, without a repository.",
    discussion: """
      Apps and clusters are applied with kubectl, and judged by the same rules as commits. Ctrl-C ends it. Without \
      --repo, every image can be pulled and has an empty root.
      Exit codes: 0 stopped; 2 it could not be run.
      """)

  @Argument(
    help: ArgumentHelp(
      "The folder of the cluster, which is kept. (default: a temporary folder, which is deleted)",
      valueName: "dir"), completion: .directory)
  var folder: String?

  @Option(
    name: [.customShort("C"), .customLong("repo")],
    help: ArgumentHelp(
      "A repository whose .kdops.yaml at HEAD names the images that can be pulled.", valueName: "dir"),
    completion: .directory)
  var repository: String?

  @Option(
    help: ArgumentHelp(
      "The loopback address of the API, port 0 for any.", valueName: "host:port"))
  var listen = APIOptions.standard

  @Flag(help: "Run scripts without bubblewrap, as your user, with access to everything that you can access.")
  var embeddedUnsandboxed = false

  @OptionGroup var logging: LogOptions

  @OptionGroup var screen: ScreenOptions

  func validate() throws { try APIOptions.check(listen, "--listen") }

  func run() async throws {
    Streams.outliveReaders()
    let environment = ProcessInfo.processInfo.environment
    let console = screen.console(1, environment)
    let problems = screen.console(2, environment)
    let logger = try logging.logger(to: problems, standard: .warning, environment)
    try await Kdops.reporting("sandbox") {
      let directory = try folder ?? ScratchFolder.make("kdops-sandbox", environment)
      let result: Result<Void, any Error>
      do { result = .success(try await serve(directory, console, logger)) } catch { result = .failure(error) }
      if folder == nil { await EmbeddedCluster.throwAway(directory) }
      try result.get()
    }
  }

  private func serve(_ directory: String, _ console: Console, _ logger: Logger) async throws {
    let images = try await images()
    let backend = try await Backend.embedded(
      directory, embeddedUnsandboxed ? .none : .bubblewrap, logger: logger)
    guard case .embedded(let cluster) = backend else { return }
    await cluster.setCatalog(images)
    let policy = Policy(isEmbedded: true)
    let daemon = try await SandboxDaemon.open(policy, on: cluster, logger: logger)
    let server = try EmbeddedAPIServer.embedded(
      cluster, in: directory, address: listen, policy: policy, stamp: daemon.stamp, logger: logger,
      onListening: { _ in Self.greet(directory, console) })
    try await daemon.run(beside: [server], signals: [.sigterm, .sigint])
  }

  private func images() async throws -> ImageCatalog {
    guard let repository else { return ImageCatalog([ImageCatalog.Entry(image: "*")]) }
    return try await SandboxDaemon.images(ofRepository: repository)
  }

  private static func greet(_ directory: String, _ console: Console) {
    console.line("kdops \(Kdops.version) sandbox, in \(directory). In another terminal:")
    for line in [
      "export KUBECONFIG=\(ShellWord.value(EmbeddedAPIServer.kubeconfig(in: directory)))",
      "kubectl apply -f app.json", "kubectl apply -f cluster.yaml", "kubectl describe kdcluster NAME",
    ] { console.line("  \(line)") }
    console.line("Ctrl-C ends it.")
  }
}
