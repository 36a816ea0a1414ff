import ArgumentParser
import CBuildInfo
import Diagnostics
import GitStore
import Values

/// `kdops version`: prints what a bug report needs.
struct VersionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "version", abstract: "Print the version, the commit of the build, and libgit2's version.")

  enum Format: String, ExpressibleByArgument, CaseIterable {
    case human
    case json
  }

  @Option(help: "human or json.")
  var format = Format.human

  func run() throws {
    let commit = String(cString: kdops_commit())
    switch format {
    case .human:
      try Streams.output.result(
        "kdops \(Kdops.version)\ncommit \(commit.isEmpty ? "unknown" : commit)\nlibgit2 \(GitLibrary.version)\n"
      )
    case .json:
      let json: JSON = [
        "schemaVersion": 1, "version": .string(Kdops.version),
        "commit": commit.isEmpty ? .null : .string(commit),
        "libgit2": .string(GitLibrary.version),
      ]
      try Streams.output.result(json.text(pretty: true) + "\n", .json)
    }
  }
}
