import ArgumentParser
import ClusterAPI
import DesiredState
import Diagnostics
import EmbeddedCluster
import FoundationEssentials
import GitStore
import KubeDirector
import Kubernetes
import Logging
import Rules
import Validation
import Views

/// `kdops diff`: compares git's head with the live objects.
struct DiffCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "Compare git's head with the live objects.",
    discussion: """
      Compares meaning, not spelling. Only reads, and changes nothing; a daemon may be running.
      Exit codes: 0 the same, 1 something differs, 2 it is unknown.
      """)

  @OptionGroup var cluster: ClusterOptions

  @Option(help: ArgumentHelp("The repository.", valueName: "path"))
  var repo = "."

  @Option(help: ArgumentHelp("The revision to compare with, such as origin/main.", valueName: "rev"))
  var head = "HEAD"

  @Option(help: "The installation whose objects are compared. (default: default)")
  var installation: String?

  @Option(name: .output, help: ResultFormat.help)
  var format = ResultFormat.human

  @OptionGroup var screen: ScreenOptions

  func run() async throws {
    let environment = ProcessInfo.processInfo.environment
    let (diff, commit) = try await Kdops.reporting("diff") {
      let repository = try await GitRepository.openFromEnvironment(path: repo, environment)
      let commit = try await repository.resolve(head)
      let side = try await Comparison.side(of: .commit(commit), in: repository)
      if let broken = side.layoutFindings.first(where: { $0.severity == .error }) {
        throw GitError(.gone, broken.message, hint: broken.hint ?? "see kdops validate")
      }
      let namespaces = Set(side.snapshot.references.map(\.namespace))
      let found = try await live(namespaces, environment)
      let diff = LiveDiff(
        head: side.snapshot, unread: side.unreadFiles, live: found.objects,
        installation: installation ?? environment["KDOPS_INSTALLATION"] ?? "default",
        systemNamespace: environment["KDOPS_SYSTEM_NAMESPACE"] ?? Policy.defaultSystemNamespace,
        adoptions: found.adoptions)
      return (diff, commit)
    }
    try show(diff, commit.hex, environment)
    if diff.cannotTell { throw Kdops.couldNotRun }
    if !diff.isSame { throw ExitCode(1) }
  }

  private func show(_ diff: LiveDiff, _ commit: String, _ environment: [String: String]) throws {
    switch format {
    case .json, .yaml:
      try Streams.output.result(DiffJSON.json(diff, head: commit), asYAML: format == .yaml)
    case .human:
      let console = screen.console(1, environment)
      let columns = console.isTerminal ? console.size.columns - 1 : 200
      let text = DiffText(width: columns, isColoured: console.isColoured)
      let place = cluster.folder(environment).map { "the cluster in \($0)" } ?? "the cluster"
      for line in text.lines(diff, head: commit, place: place) {
        try Streams.output.result(console.shown(line) + "\n", .styled)
      }
    }
  }

  private struct LiveObjects: Sendable {
    var objects: [Object]
    var adoptions: [ObjectReference: ForeignAdoption] = [:]
  }

  /// All apps and clusters. If the user may read only some namespaces of a Kubernetes cluster, those in the
  /// namespaces that git uses.
  private func live(_ namespaces: Set<String>, _ environment: [String: String]) async throws -> LiveObjects {
    if let folder = cluster.folder(environment) {
      let reader = try EmbeddedCluster.openReadOnly(folder)
      var found: [Object] = []
      for resource in [Resource.apps, .clusters] {
        found += try await reader.list(resource, namespace: nil, labels: .everything).items
      }
      return LiveObjects(objects: found)
    }
    return try await cluster.connected(environment) { client in
      var found: [Object] = []
      for resource in [Resource.apps, .clusters] {
        do throws(APIError) {
          found += try await client.list(resource, namespace: nil, labels: .everything).items
        } catch {
          guard error.kind == .forbidden else { throw error }
          for namespace in namespaces.sorted() {
            found += try await client.list(resource, namespace: namespace, labels: .everything).items
          }
        }
      }
      return LiveObjects(objects: found, adoptions: try await adoptions(of: found, client))
    }
  }

  /// What adoption would do with the objects of the clusters of KubeDirector's operator, except where the user may not
  /// read them.
  private func adoptions(
    of live: [Object], _ api: any ClusterAPI
  ) async throws -> [ObjectReference: ForeignAdoption] {
    var found: [ObjectReference: ForeignAdoption] = [:]
    for object in live
    where object.kind == Wire.clusterKind && object.label(Wire.Label.source) == nil
      && !ClusterShape.foreignFields(of: object.json["status"]).isEmpty
    {
      do throws(APIError) {
        let reference = ObjectReference(kind: object.kind, namespace: object.namespace, name: object.name)
        found[reference] = try await OperatorCheck.adoption(of: object, api)
      } catch {
        guard error.kind == .forbidden else { throw error }
      }
    }
    return found
  }
}
