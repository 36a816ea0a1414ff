import ArgumentParser
import ClusterAPI
import Control
import FoundationEssentials
import Rules

/// `kdops sync`: requests an immediate fetch and resync from the daemon.
struct SyncCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sync", abstract: "Request an immediate fetch and resync from the running daemon.",
    discussion: """
      On Kubernetes the request is written to the daemon's Lease, which the daemon reads every four seconds anyway; on \
      an embedded cluster it is sent to the daemon's socket.
      Exit codes: 0 requested; 1 refused, with the reason; 2 it could not be done.
      """)

  @OptionGroup var cluster: ClusterOptions

  @Option(
    help: ArgumentHelp(
      "Confirm this commit, the head: follow it although history was rewritten, and prune the clusters that were kept.",
      discussion: "Its id, or at least the first 7 digits.", valueName: "sha"))
  var accept: String?

  @Option(help: "The installation on Kubernetes. (default: default)")
  var installation: String?

  @Option(help: "The namespace of its Lease. (default: kdops-system)")
  var namespace: String?

  func validate() throws {
    if let accept, !(7...64).contains(accept.utf8.count) || !accept.utf8.allSatisfy(Self.isDigit) {
      throw ValidationError("--accept takes a commit's id or its first 7 digits or more, not '\(accept)'")
    }
  }

  func run() async throws {
    let environment = ProcessInfo.processInfo.environment
    let client = ControlClient(cluster: cluster, command: "sync")
    try await client.report {
      if let folder = cluster.folder(environment) {
        return try await client.ask(ControlRequest(.sync(accept: accept)), folder)
      }
      let lease = ObjectName(
        namespace: namespace ?? environment["KDOPS_SYSTEM_NAMESPACE"] ?? Policy.defaultSystemNamespace,
        name: "kdops-\(installation ?? environment["KDOPS_INSTALLATION"] ?? "default")")
      return try await client.onKubernetes(environment) { api in
        try await LeaseCommand(api: api, lease: lease, now: Date().timeIntervalSince1970).sync(
          accept: accept)
      }
    } watch: {
      "kdops status\(cluster.flags) --watch"
    }
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
  }
}
