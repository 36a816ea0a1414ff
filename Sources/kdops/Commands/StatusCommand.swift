import ArgumentParser
import ClusterAPI
import Diagnostics
import EmbeddedCluster
import FoundationEssentials
import GitStore
import KubeDirector
import Kubernetes
import Logging
import Reconciler
import Reports
import Rules
import Values
import Views

/// `kdops status`: shows running clusters, also while a daemon runs.
struct StatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Show running clusters, from the cluster or from git.",
    discussion: """
      Without --embedded, --kubeconfig or --context the status that the daemon last wrote to the repository is shown \
      (refs/kdops/status). From a cluster, blocked changes and their remediation are shown too.
      Exit codes: 0 shown, 1 there is no such cluster, 2 it could not be read.
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable {
    case human
    case json
  }

  @Argument(help: ArgumentHelp("One cluster; without it, all clusters.", valueName: "ns/name"))
  var name: String?

  @OptionGroup var cluster: ClusterOptions

  @Option(help: ArgumentHelp("The repository to read the status from.", valueName: "path"))
  var repo = "."

  @Option(
    help: ArgumentHelp(
      "The daemon's namespace on Kubernetes, which has the blocked changes. (default: kdops-system)"))
  var namespace: String?

  @Option(help: "The installation on Kubernetes whose daemon is shown. (default: default)")
  var installation: String?

  @Option(help: "human or json.")
  var format = Format.human

  @Flag(help: "Draw one line per role and one cell per pod, and update until interrupted.")
  var watch = false

  @Flag(help: "Show what its last upgrades and rollbacks did to each pod, with the times they took.")
  var history = false

  func validate() throws {
    if history, name == nil {
      throw ValidationError("--history shows one cluster; name it: kdops status NAMESPACE/NAME --history")
    }
    if let name, Self.objectName(name) == nil {
      throw ValidationError("'\(name)' is not a cluster; write NAMESPACE/NAME")
    }
  }

  func run() async throws {
    let environment = ProcessInfo.processInfo.environment
    do {
      let source = try await source(environment)
      let end: Result<Void, any Error>
      do { end = .success(try await follow(source, environment)) } catch { end = .failure(error) }
      await source.close()
      try end.get()
    } catch let exit as ExitCode {
      throw exit
    } catch let error as UnwrittenResult {
      throw error
    } catch {
      Streams.error.line("kdops status: \(ErrorText.words(error))")
      throw Kdops.couldNotRun
    }
  }

  private func source(_ environment: [String: String]) async throws -> ClusterSource {
    if let folder = cluster.folder(environment) {
      return .embedded(try EmbeddedCluster.openReadOnly(folder), folder: folder)
    }
    if cluster.namesKubernetes(environment) {
      let silent = Logger(label: "kdops") { _ in SwiftLogNoOpLogHandler() }
      return .kubernetes(try await KubernetesClient.connect(cluster.connection(environment), logger: silent))
    }
    do throws(GitError) {
      return .git(try await GitRepository.openFromEnvironment(path: repo, environment))
    } catch {
      guard error.kind == .gone else { throw error }
      throw GitError(
        .gone, "no cluster is selected, and \(repo == "." ? "this folder" : repo) is not a git repository",
        hint: "select one: --embedded=DIR, --context NAME, or --repo PATH for the status last written to git"
      )
    }
  }

  private func follow(_ source: ClusterSource, _ environment: [String: String]) async throws {
    let wanted = name.flatMap(Self.objectName)
    let console = Console(descriptor: 1, environment: environment)
    var last = try await look(source, wanted, environment)
    guard wanted == nil || !last.clusters.isEmpty else {
      Streams.error.line(
        "kdops status: there is no cluster \(name ?? ""); `kdops status\(cluster.flags)` lists all clusters"
      )
      throw ExitCode(1)
    }
    let isPicture = watch && !history && source.namesMembers
    try show(last, isPicture, await source.age(), await source.origin(), on: console)
    while watch {
      // The embedded cluster's folder belongs to another process, which sends no notifications, and reading
      // it costs one disk read. A server is polled less often.
      try await Task.sleep(for: source.isRemote ? .seconds(2) : .milliseconds(500))
      let now = try await lookAgain(source, wanted, environment) ?? last
      // The progress display shows elapsed times, so it is redrawn even if nothing changed.
      guard now.differs(from: last) || isPicture && console.isTerminal else { continue }
      last = now
      try show(now, isPicture, await source.age(), await source.origin(), on: console)
      guard wanted == nil || !now.clusters.isEmpty else {
        Streams.error.line("kdops status: the cluster \(name ?? "") is gone")
        throw ExitCode(1)
      }
    }
  }

  /// The data that is read and shown at one time.
  private struct Sight: Hashable {
    var clusters: [Object]
    var daemon: DaemonState
    var held = BlockedChangeList()
    /// Why blocked changes cannot be read; nil if they can.
    var blindness: String?

    /// Whether other output is needed than before. A daemon's repeated fetch is no difference.
    func differs(from other: Sight) -> Bool {
      var now = self
      if now.daemon.life == other.daemon.life, now.daemon.problem == other.daemon.problem {
        now.daemon = other.daemon
      }
      return now != other
    }
  }

  private func look(
    _ source: ClusterSource, _ wanted: ObjectName?, _ environment: [String: String]
  ) async throws -> Sight {
    let home = namespace ?? environment["KDOPS_SYSTEM_NAMESPACE"] ?? Policy.defaultSystemNamespace
    let lease = ObjectName(
      namespace: home, name: "kdops-\(installation ?? environment["KDOPS_INSTALLATION"] ?? "default")")
    var sight = Sight(clusters: try await source.clusters(wanted), daemon: try await source.daemon(lease))
    guard !history else { return sight }
    do throws(APIError) {
      sight.held = try await source.held(in: home)
    } catch {
      // A user who may read their clusters may lack access to the daemon's namespace.
      guard error.kind == .forbidden else { throw error }
      sight.blindness = "blocked changes cannot be read: you may not list ConfigMaps in \(home)"
    }
    if let wanted {
      let cluster = ObjectReference(
        kind: Wire.clusterKind, namespace: wanted.namespace, name: wanted.name)
      sight.held = BlockedChangeList(
        changes: sight.held.changes.filter { $0.concerns(cluster) }, omitted: 0)
    }
    return sight
  }

  /// Returns nil on a transient server error, so that watching continues.
  private func lookAgain(
    _ source: ClusterSource, _ wanted: ObjectName?, _ environment: [String: String]
  ) async throws -> Sight? {
    do {
      return try await look(source, wanted, environment)
    } catch let error as APIError where error.isTransient {
      return nil
    }
  }

  /// - Parameters:
  ///   - age: The commit and age of the status, printed below it.
  ///   - origin: The same for programs.
  private func show(
    _ sight: Sight, _ isPicture: Bool, _ age: [String], _ origin: JSON?, on console: Console
  ) throws {
    let clusters = sight.clusters
    switch format {
    case .json where history:
      for cluster in clusters {
        try Streams.output.result(
          HistoryJSON.json(cluster, Self.journal(of: cluster)).text(pretty: !watch) + "\n", .json)
      }
    case .json:
      let objects = clusters.map(\.json)
      var json: JSON =
        name == nil ? ["apiVersion": "v1", "kind": "List", "items": .array(objects)] : objects.first ?? .null
      json["daemon"] = sight.daemon.json
      json["asOf"] = origin
      if !sight.held.isEmpty { json["held"] = .array(sight.held.changes.map(\.json)) }
      try Streams.output.result(json.text(pretty: !watch) + "\n", .json)
    case .human:
      let columns = console.isTerminal ? console.size.columns - 1 : 200
      let now = Int(Date().timeIntervalSince1970)
      let daemon = DaemonText(width: columns, isColoured: console.isColoured, now: now).lines(sight.daemon)
      let clusters =
        isPicture
        ? picture(sight, columns, console, taken: daemon.count) : self.lines(sight, columns, console)
      // If the daemon does not run, this is shown above the clusters, which would otherwise appear to
      // progress.
      let lines = sight.daemon.isDead ? daemon + clusters + age : clusters + age + daemon
      if watch, console.isTerminal { return console.show(Array(lines.prefix(console.size.rows - 1))) }
      for line in lines { try Streams.output.result(line + "\n") }
    }
  }

  /// One line per role and one cell per pod, as in `kdops run`.
  ///
  /// - Parameter taken: The number of lines that other output needs.
  private func picture(_ sight: Sight, _ columns: Int, _ console: Console, taken: Int) -> [String] {
    let (clusters, rows) = (sight.clusters, max(0, console.size.rows - 1 - taken))
    // Blocked changes leave at least half of the screen for the clusters.
    let held = BlockedChangeText(width: columns, isColoured: console.isColoured, height: rows / 2).lines(
      sight.held)
    let text = ProgressText(width: columns, height: rows - held.count, isColoured: console.isColoured)
    let now = Int(Date().timeIntervalSince1970)
    let views = clusters.map { cluster in
      let view = ClusterView(
        name: "\(cluster.objectName)", status: ClusterStatus(cluster.json["status"]),
        path: cluster.annotation(Wire.Annotation.path), whole: name != nil)
      return sight.daemon.isDead ? view.withoutTimers : view
    }
    let drawn = name == nil ? text.lines(views, now: now) : views.flatMap { text.lines($0, now: now) }
    return drawn + held
  }

  private func lines(_ sight: Sight, _ columns: Int, _ console: Console) -> [String] {
    let clusters = sight.clusters
    if history {
      var now = Int(Date().timeIntervalSince1970)
      // Unfinished steps have not progressed since the daemon ended, so their time stops there.
      if case .notRunning(let seen?) = sight.daemon.life { now = min(now, seen) }
      let text = HistoryText(width: columns, isColoured: console.isColoured, now: now)
      return clusters.flatMap { text.lines($0, Self.journal(of: $0)) }
    }
    let text = StatusText(width: columns, isColoured: console.isColoured, flags: cluster.flags)
    var held = BlockedChangeText(width: columns, isColoured: console.isColoured).lines(sight.held)
    if let blindness = sight.blindness { held.append(blindness) }
    if name == nil, !held.isEmpty { held.insert("", at: 0) }
    return (name == nil ? text.list(clusters) : clusters.flatMap { text.detail($0) }) + held
  }

  private static func journal(of cluster: Object) -> Journal { Journal(cluster.json["status"]?["journal"]) }

  private static func objectName(_ text: String) -> ObjectName? {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty }) else { return nil }
    return ObjectName(namespace: String(parts[0]), name: String(parts[1]))
  }
}
