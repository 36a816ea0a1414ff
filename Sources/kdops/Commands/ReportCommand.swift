import ArgumentParser
import CBuildInfo
import ClusterAPI
import Diagnostics
import FoundationEssentials
import KubeDirector
import Reports
import Values

/// `kdops report`: writes a support bundle without secrets.
struct ReportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report", abstract: "Write a folder for a bug report, without secrets.",
    discussion: """
      Takes the flags, the environment and the --config file of `kdops run`. First lists what the folder will contain: \
      the version, the settings, the output of `kdops doctor`, with a selected cluster its status, and with --log the \
      last lines of a log. Credentials, keys, specs and the output of scripts are left out.
        kubectl logs -n kdops-system deployment/kdops-default | kdops report --context prod --log -
      Exit codes: 0 written, or with --list listed; 2 it could not be written.
      """)

  @OptionGroup var options: CheckupOptions

  @Option(
    help: ArgumentHelp(
      "The folder to write; it must not exist. (default: kdops-report-TIME)", valueName: "dir"))
  var to: String?

  @Option(
    help: ArgumentHelp("A log of the daemon; - for standard input.", valueName: "file"), completion: .file())
  var log: String?

  @Option(help: "How many of its last lines are included.")
  var lines = 500

  @Flag(help: "Only list what the folder would contain.")
  var list = false

  func validate() throws {
    if lines < 1 { throw ValidationError("--lines must be at least 1") }
    if to?.isEmpty == true { throw ValidationError("--to needs the name of a folder") }
  }

  func run() async throws {
    let environment = ProcessInfo.processInfo.environment
    try await Kdops.reporting("report") {
      let now = Int(Date().timeIntervalSince1970)
      let folder = to ?? "kdops-report-\(Timestamp.text(now).filter { $0 != "-" && $0 != ":" })"
      guard !FileManager.default.fileExists(atPath: folder) else {
        throw Failure(description: "\(folder) already exists; name another folder with --to")
      }
      let bundle = try await bundle(environment)
      let intent = list ? "A report would contain" : "The folder \(TerminalText.visible(folder)) will contain"
      try Streams.output.result("\(intent):\n\(bundle.contents.map { $0 + "\n" }.joined())")
      guard !list else { return }
      try Self.write(bundle, to: folder)
      try Streams.output.result(
        "Written. To send it as one file: tar czf \(ShellWord.value("\(folder).tar.gz")) \(ShellWord.value(folder))\n"
      )
    }
  }

  private func bundle(_ environment: [String: String]) async throws -> SupportBundle {
    let reader = options.configuration(environment)
    let tail = try log.map { (path) throws(LogTail.Failure) in try LogTail.lines(of: path, last: lines) }
    let checkup = Checkup(await CheckupProbe(options: options, environment: environment).facts())
    let input = SupportBundle.Input(
      version: VersionCommand.json(commit: String(cString: kdops_commit())), settings: reader.values,
      environment: environment, checkup: checkup,
      status: await status(DaemonConfiguration(reader.values).daemon, environment), log: tail)
    let secrets = KnownSecrets.values(environment, files: KnownSecrets.files(reader.values))
    return SupportBundle(input, filter: SecretFilter(secrets: secrets))
  }

  /// Nil if no cluster is selected. An error becomes part of the status.
  ///
  /// - Parameter daemon: The daemon's installation.
  private func status(_ daemon: DaemonSelection, _ environment: [String: String]) async -> JSON? {
    guard
      options.cluster.folder(environment) != nil || options.selectsKubernetes(environment)
    else { return nil }
    do {
      return try await ClusterSource.connected(options.cluster, environment).use { source in
        var reader = StatusReader(source: source, selection: .all, daemon: daemon, readsBlocked: true)
        return Self.json(try await reader.read())
      }
    } catch {
      return ["problem": .string(ErrorText.words(error))]
    }
  }

  /// Only names and statuses: the specs may contain passwords. A status is written again from what kdops knows of it,
  /// because another operator may have put keys into it.
  static func json(_ snapshot: StatusSnapshot) -> JSON {
    var out: JSON = [
      "clusters": .array(
        snapshot.clusters.map { (cluster: Object) -> JSON in
          [
            "namespace": .string(cluster.namespace), "name": .string(cluster.name),
            "generation": JSON(cluster.generation), "suspended": .bool(cluster.isSuspended),
            "status": ClusterStatus(cluster.json["status"])?.withoutOutput.json ?? .null,
          ]
        }),
      "daemon": snapshot.daemon.json, "blocked": .array(snapshot.blocked.changes.map(\.json)),
    ]
    out["blockedProblem"] = snapshot.blockedProblem.map(JSON.string)
    return out
  }

  /// Writes the folder and its files so that only this user can read them.
  static func write(_ bundle: SupportBundle, to folder: String) throws {
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    let place = URL(fileURLWithPath: folder)
    for file in bundle.files {
      let path = place.appending(path: file.name).path
      let isWritten = FileManager.default.createFile(
        atPath: path, contents: Data(file.content.utf8), attributes: [.posixPermissions: 0o600])
      guard isWritten else {
        throw Failure(
          description: "\(path) cannot be written; check the free space, or name another folder with --to")
      }
    }
  }

  private struct Failure: Error, CustomStringConvertible {
    let description: String
  }
}
