import ArgumentParser
import ClusterAPI
import Diagnostics
import FoundationEssentials

/// `kdops import`: writes the apps and clusters of a running cluster as files for git.
struct ImportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import", abstract: "Write the apps and clusters of a running cluster as files for git.",
    discussion: """
      Writes one object a file, without status and defaults, and .kdops.yaml if there is none; the same objects give the same \
      bytes. Only reads the cluster. Objects that no installation owns get the annotation \
      kdops.dev/adopt: "true". Then reports what kdops does not carry of them, as kdops validate does, and what \
      to repair in clusters of KubeDirector's operator while it still runs.
        kdops import --context production --out fleet
      Exit codes: 0 written; 1 written, but some objects have errors or no file; 2 not all was written.
      """)

  @Option(
    help: ArgumentHelp("The folder for the files; it is created.", valueName: "dir"), completion: .directory)
  var out: String

  @OptionGroup var namespace: NamespaceOptions

  @OptionGroup var cluster: ClusterOptions

  @Flag(help: "Replace files that exist with another content.")
  var overwrite = false

  @OptionGroup var screen: ScreenOptions

  func validate() throws {
    if out.isEmpty { throw ValidationError("--out needs a folder") }
  }

  func run() async throws {
    let environment = ProcessInfo.processInfo.environment
    let selection = try namespace.selection(nil)
    let folder = ImportFolder(path: out)
    let layout = try await Kdops.reporting("import") { try folder.layout() }
    let (repository, check) = try await Kdops.reporting("import") {
      try await ClusterSource.open(cluster, need: "live objects", environment).use { source in
        try await Self.read(source, selection, layout)
      }
    }
    let conflicts = folder.conflicts(with: repository.files)
    guard overwrite || conflicts.isEmpty else {
      let more = conflicts.count > 1 ? " and \(conflicts.count - 1) more" : ""
      Streams.error.line(
        TerminalText.visible(
          "kdops import: files exist with another content: \(out)/\(conflicts[0])\(more); "
            + "name an empty folder, or use --overwrite"))
      throw Kdops.couldNotRun
    }
    try await Kdops.reporting("import") { try folder.write(repository.files) }
    try show(repository, check, environment)
  }

  private static func read(
    _ source: ClusterSource, _ selection: ClusterSelection, _ layout: String?
  ) async throws -> (ImportedRepository, OperatorCheck?) {
    guard let api = source.api else { return (ImportedRepository([], existing: layout), nil) }
    var objects: [Object] = []
    for resource in [Resource.apps, .clusters] {
      objects += try await source.list(resource, selection)
    }
    return (ImportedRepository(objects, existing: layout), try await OperatorCheck(objects, api: api))
  }

  private func show(
    _ repository: ImportedRepository, _ check: OperatorCheck?, _ environment: [String: String]
  ) throws {
    let renderer = HumanRenderer(colour: screen.console(1, environment).isColoured) { path, line in
      repository.line(line, of: path)
    }
    for finding in repository.findings.inReportOrder(perFile: FindingLimit.standard) {
      try Streams.output.result(renderer.render(finding) + "\n\n", .styled)
    }
    for line in repository.skipped {
      try Streams.output.result("not written: \(TerminalText.visible(line))\n")
    }
    for line in check?.problems ?? [] {
      try Streams.output.result("not ready: \(TerminalText.visible(line))\n")
    }
    if let check, !check.clusters.isEmpty {
      try Streams.output.result(
        "\(check.clusters.count) clusters are managed by KubeDirector's operator; "
          + (check.problems.isEmpty
            ? "stop it before you commit their files, then they are adopted as they are\n"
            : "those that are not ready are not adopted (rule cluster/adoption-shape)\n"))
    }
    let summary = "\(repository.apps) apps and \(repository.clusters) clusters written to \(out)"
    try Streams.output.result(TerminalText.visible(summary) + "\n")
    let hasErrors = repository.findings.contains { $0.severity == .error }
    if hasErrors || !repository.skipped.isEmpty { throw ExitCode(1) }
  }
}
