import ArgumentParser
import ClusterAPI
import Diagnostics
import FoundationEssentials
import KubeDirector
import Values
import Views

/// `kdops events`: shows the Events of clusters.
struct EventsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "events", abstract: "Show the events of clusters and their apps, the last one at the end.",
    discussion: """
      With a name also the events of its StatefulSets and pods. Kubernetes deletes events after an hour.
      Exit codes: 0 shown, 1 there is no such cluster, 2 they could not be read.
      """)

  @Argument(
    help: ArgumentHelp("One cluster; without it, all clusters.", valueName: "ns/name"),
    completion: .clusterName)
  var name: String?

  @OptionGroup var namespace: NamespaceOptions

  @OptionGroup var cluster: ClusterOptions

  @Option(name: .output, help: ObjectFormat.help)
  var format = ObjectFormat.human

  @OptionGroup var screen: ScreenOptions

  func validate() throws { _ = try namespace.selection(name) }

  func run() async throws {
    let environment = ProcessInfo.processInfo.environment
    let selection = try namespace.selection(name)
    try await Kdops.reporting("events") {
      try await ClusterSource.open(cluster, need: "events", environment).use { source in
        var cluster: Object?
        if let name = selection.cluster {
          cluster = try await source.clusters(selection).first
          guard cluster != nil else {
            Streams.error.line(
              "kdops events: there is no cluster \(name); `kdops status\(self.cluster.flags)` lists all clusters"
            )
            throw ExitCode(1)
          }
        }
        let all = try await source.list(.events, selection)
        try show(ClusterEvent.select(all, of: cluster), environment)
      }
    }
  }

  private func show(_ events: [ClusterEvent], _ environment: [String: String]) throws {
    switch format {
    case .name:
      for event in events { try Streams.output.result("\(event.object.objectName)\n") }
    case .json, .yaml:
      let list: JSON = [
        "apiVersion": "v1", "kind": "List", "items": .array(events.map(\.object.json)),
      ]
      try Streams.output.result(list, asYAML: format == .yaml)
    case .human, .wide:
      let console = screen.console(1, environment)
      let text = EventText(
        width: console.isTerminal ? console.size.columns - 1 : 200, isColoured: console.isColoured,
        now: Int(Date().timeIntervalSince1970))
      for line in text.lines(events, wide: format == .wide) {
        try Streams.output.result(console.shown(line) + "\n", .styled)
      }
    }
  }
}
