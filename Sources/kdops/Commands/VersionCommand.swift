import ArgumentParser
import CBuildInfo
import Diagnostics
import GitStore
import Values

/// `kdops version`: prints the version data that a bug report should contain.
struct VersionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "version", abstract: "Print the version, the commit of the build, and libgit2's version.")

  @Option(name: .output, help: ResultFormat.help)
  var format = ResultFormat.human

  func run() throws {
    let commit = String(cString: kdops_commit())
    switch format {
    case .human: try Streams.output.result(Self.text(commit: commit))
    case .json, .yaml: try Streams.output.result(Self.json(commit: commit), asYAML: format == .yaml)
    }
  }

  /// - Parameter commit: the commit of the build; empty if the build did not name it.
  static func text(commit: String) -> String {
    "kdops \(Kdops.version)\ncommit \(commit.isEmpty ? "unknown" : commit)\nlibgit2 \(GitLibrary.version)\n"
  }

  static func json(commit: String) -> JSON {
    [
      "schemaVersion": 1, "version": .string(Kdops.version),
      "commit": commit.isEmpty ? .null : .string(commit), "libgit2": .string(GitLibrary.version),
    ]
  }
}
