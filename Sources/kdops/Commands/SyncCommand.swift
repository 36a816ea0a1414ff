import ArgumentParser
import ClusterAPI
import Control
import FoundationEssentials
import Reports

/// `kdops sync`: requests an immediate fetch and resync from the daemon.
struct SyncCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sync", abstract: "Request an immediate fetch and resync from the running daemon.",
    discussion: """
      On Kubernetes the request is written to the daemon's Lease, which the daemon reads every four seconds anyway; on \
      an embedded cluster it is sent to the daemon's socket.
      Exit codes: 0 requested; 1 refused, or with --wait stalled or not done in time, with the reason; 2 it could not \
      be done.
      """)

  @OptionGroup var cluster: ClusterOptions

  @Option(
    help: ArgumentHelp(
      "Confirm this commit, the head: follow it although history was rewritten, and prune the clusters that were kept.",
      discussion: "Its id, or at least the first 7 digits.", valueName: "sha"))
  var accept: String?

  @OptionGroup var system: SystemOptions

  @Flag(
    help: "Wait until the daemon has applied this fetch, and every cluster is configured or one is stalled.")
  var wait = false

  @OptionGroup var waiting: WaitOptions

  func validate() throws {
    if let accept, !(7...64).contains(accept.utf8.count) || !accept.utf8.allSatisfy(Self.isDigit) {
      throw ValidationError("--accept takes a commit's id or its first 7 digits or more, not '\(accept)'")
    }
  }

  func run() async throws {
    let environment = ProcessInfo.processInfo.environment
    let daemon = system.daemon(environment)
    let client = ControlClient(cluster: cluster, command: "sync")
    let id = SyncID.random()
    let fetchedBefore = wait ? try await lastFetch(daemon, environment) : nil
    let answer = try await client.report {
      if let folder = cluster.folder(environment) {
        return try await client.ask(ControlRequest(.sync(accept: accept, id: id)), folder)
      }
      return try await cluster.connected(environment) { api in
        try await LeaseCommand(api: api, lease: daemon.lease).sync(accept: accept, id: id)
      }
    } next: { _ in
      wait ? [] : ["watch: kdops status\(cluster.flags) --watch"]
    }
    guard wait else { return }
    try await Kdops.reporting("sync") {
      // `--embedded` apart, this command uses the current context of the kubeconfig if none is named.
      try await ClusterSource.connected(cluster, environment).use { source in
        let subject = SyncSubject(
          source: source, daemon: daemon, id: id, sent: answer, fetchedBefore: fetchedBefore)
        try await waiting.wait(for: "sync") { try await subject.evaluate() }
      }
    }
  }

  /// The daemon's last fetch; nil if there is none or it is unknown.
  private func lastFetch(_ daemon: DaemonSelection, _ environment: [String: String]) async throws -> Int? {
    try await Kdops.reporting("sync") {
      try await ClusterSource.connected(cluster, environment).use { source in
        var reader = DaemonReader(source, daemon)
        return try await reader.read().fetched
      }
    }
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
  }
}
