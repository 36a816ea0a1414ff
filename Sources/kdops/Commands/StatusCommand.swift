import ArgumentParser
import ClusterAPI
import Diagnostics
import EmbeddedCluster
import FoundationEssentials
import GitStore
import KubeDirector
import Kubernetes
import Logging
import Terminal
import Values

/// `kdops status`: what runs, also while a daemon does.
struct StatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Show clusters as they run, from the cluster or from git.",
    discussion: """
      Without --embedded, --kubeconfig or --context it shows what the daemon last wrote to the repository \
      (refs/kdops/status).
      Exit codes: 0 shown, 1 there is no such cluster, 2 it could not be read.
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable {
    case human
    case json
  }

  @Argument(help: ArgumentHelp("One cluster; without it all.", valueName: "ns/name"))
  var name: String?

  @OptionGroup var cluster: ClusterOptions

  @Option(help: ArgumentHelp("The repository to read the status from.", valueName: "path"))
  var repo = "."

  @Option(help: "human or json.")
  var format = Format.human

  @Flag(help: "Draw a line a role and a cell a pod, and go on until interrupted.")
  var watch = false

  @Flag(help: "Show what its last upgrades and rollbacks did to each pod, with the times they took.")
  var history = false

  func validate() throws {
    if history, name == nil {
      throw ValidationError("--history is of one cluster; name it: kdops status NAMESPACE/NAME --history")
    }
    if let name, Self.objectName(name) == nil {
      throw ValidationError("'\(name)' names no cluster; write NAMESPACE/NAME")
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
    } catch {
      Streams.error.line("kdops status: \(Redaction.url("\(error)"))")
      throw Kdops.couldNotRun
    }
  }

  private func source(_ environment: [String: String]) async throws -> ClusterSource {
    if let folder = cluster.folder(environment) {
      return .embedded(try EmbeddedCluster.openReadOnly(folder))
    }
    if cluster.namesKubernetes(environment) {
      let silent = Logger(label: "kdops") { _ in SwiftLogNoOpLogHandler() }
      return .kubernetes(try await KubernetesClient.connect(cluster.connection(environment), logger: silent))
    }
    return .git(try await GitRepository.openFromEnvironment(path: repo, environment))
  }

  private func follow(_ source: ClusterSource, _ environment: [String: String]) async throws {
    let wanted = name.flatMap(Self.objectName)
    let console = Console(descriptor: 1, environment: environment)
    var last = try await source.clusters(wanted)
    guard wanted == nil || !last.isEmpty else {
      Streams.error.line("kdops status: there is no cluster \(name ?? "")")
      throw ExitCode(1)
    }
    let isPicture = watch && !history && source.namesMembers
    show(last, isPicture, on: console)
    while watch {
      // A folder belongs to another process, which tells us nothing; a look costs one read of the disk. A server
      // is asked less often.
      try await Task.sleep(for: source.isRemote ? .seconds(2) : .milliseconds(500))
      let now = try await look(source, wanted) ?? last
      // A picture shows how long things take, so it changes while they do not.
      guard now != last || isPicture && console.isTerminal else { continue }
      last = now
      show(now, isPicture, on: console)
      guard wanted == nil || !now.isEmpty else {
        Streams.error.line("kdops status: the cluster \(name ?? "") is gone")
        throw ExitCode(1)
      }
    }
  }

  /// Nil where a server is away for a moment: whoever watches wants to see how it goes on.
  private func look(_ source: ClusterSource, _ wanted: ObjectName?) async throws -> [Object]? {
    do {
      return try await source.clusters(wanted)
    } catch let error as APIError where error.isTransient {
      return nil
    }
  }

  private func show(_ clusters: [Object], _ isPicture: Bool, on console: Console) {
    switch format {
    case .json where history:
      for cluster in clusters {
        Streams.output.text(HistoryJSON.json(cluster, Self.journal(of: cluster)).text(pretty: !watch) + "\n")
      }
    case .json:
      let objects = clusters.map(\.json)
      let json: JSON =
        name == nil ? ["apiVersion": "v1", "kind": "List", "items": .array(objects)] : objects.first ?? .null
      Streams.output.text(json.text(pretty: !watch) + "\n")
    case .human:
      let columns = console.isTerminal ? console.size.columns - 1 : 200
      let lines =
        isPicture ? picture(clusters, columns, console) : lines(clusters, columns, console)
      if watch, console.isTerminal { return console.show(Array(lines.prefix(console.size.rows - 1))) }
      for line in lines { Streams.output.line(line) }
    }
  }

  /// A line a role and a cell a pod, as `kdops run` draws them.
  private func picture(_ clusters: [Object], _ columns: Int, _ console: Console) -> [String] {
    let text = ProgressText(
      width: columns, height: console.size.rows - 1, isColoured: console.isColoured)
    let now = Int(Date().timeIntervalSince1970)
    let views = clusters.map { cluster in
      ClusterView(
        name: "\(cluster.objectName)", status: ClusterStatus(cluster.json["status"]),
        way: cluster.annotation(Wire.Annotation.path).map { .restoreFile($0) }, whole: name != nil)
    }
    return name == nil ? text.lines(views, now: now) : views.flatMap { text.lines($0, now: now) }
  }

  private func lines(_ clusters: [Object], _ columns: Int, _ console: Console) -> [String] {
    if history {
      let now = Int(Date().timeIntervalSince1970)
      let text = HistoryText(width: columns, isColoured: console.isColoured, now: now)
      return clusters.flatMap { text.lines($0, Self.journal(of: $0)) }
    }
    let text = StatusText(width: columns, isColoured: console.isColoured)
    return name == nil ? text.list(clusters) : clusters.flatMap { text.detail($0) }
  }

  private static func journal(of cluster: Object) -> Journal { Journal(cluster.json["status"]?["journal"]) }

  private static func objectName(_ text: String) -> ObjectName? {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty }) else { return nil }
    return ObjectName(namespace: String(parts[0]), name: String(parts[1]))
  }
}
