import ArgumentParser
import ClusterAPI
import FoundationEssentials
import KubeDirector
import Rules
import Values

/// `kdops sync`: tells the daemon to fetch and compare now.
struct SyncCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sync", abstract: "Tell the running daemon to fetch and compare now.",
    discussion: """
      On a Kubernetes it notes the wish on the daemon's Lease, which the daemon reads anyway, every four seconds; on an \
      embedded cluster it asks the daemon's socket.
      Exit codes: 0 asked for; 1 refused, and said why; 2 it could not be done.
      """)

  @OptionGroup var cluster: ClusterOptions

  @Option(
    help: ArgumentHelp(
      "Confirm this commit, the head: follow it although history was rewritten, delete what was held back.",
      discussion: "At least 7 digits of it.", valueName: "sha"))
  var accept: String?

  @Option(help: "Which installation on a Kubernetes. (default: default)")
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
    let ordering = Ordering(cluster: cluster, command: "sync")
    try await ordering.tell {
      if let folder = cluster.folder(environment) {
        return try await ControlSocket.ask(ControlRequest(.sync(accept: accept)), below: folder)
      }
      let lease = ObjectName(
        namespace: namespace ?? environment["KDOPS_SYSTEM_NAMESPACE"] ?? Policy.defaultSystemNamespace,
        name: "kdops-\(installation ?? environment["KDOPS_INSTALLATION"] ?? "default")")
      return try await ordering.onKubernetes(environment) { client in
        try await LeaseOrder(api: client, lease: lease, now: Date().timeIntervalSince1970).sync(
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

/// A wish that is noted on the Lease of the daemon that leads.
struct LeaseOrder: Sendable {
  let api: any ClusterAPI
  let lease: ObjectName
  /// In seconds since 1970.
  let now: Double

  /// After so many seconds without a renewal nobody leads; three times what it takes a daemon to give up.
  private static let patience = 24.0

  /// - Parameter sha: the commit to be followed although history was rewritten; nil for none.
  /// - Throws: `OrderRefusal` where nobody would hear it; `APIError` where it could not be noted.
  func sync(accept sha: String?) async throws -> ControlAnswer {
    let found: Object
    do throws(APIError) {
      found = try await api.get(.leases, lease)
    } catch {
      guard error.kind == .notFound else { throw error }
      throw OrderRefusal(
        "there is no Lease \(lease), so no daemon has led this installation; start one, or name it with "
          + "--installation and --namespace")
    }
    let leader = leader(found)
    if leader == nil, sha == nil {
      throw OrderRefusal(
        "no daemon leads by Lease \(lease) now; one that starts fetches at once, so start one with kdops run")
    }
    var annotations: JSON = [Wire.Annotation.sync: .string("\(Int(now * 1000))")]
    annotations[Wire.Annotation.accept] = sha.map(JSON.string)
    _ = try await api.patch(.leases, lease, merge: ["metadata": ["annotations": annotations]])
    let who = leader.map { "the daemon \($0)" } ?? "the next daemon that leads"
    let when = leader == nil ? "" : " within 4 s"
    guard let sha else { return ControlAnswer(.done, "\(who) fetches and compares\(when)") }
    return ControlAnswer(
      .done, "\(who) follows \(sha)\(when), if that is the head it fetched; its log says history.accepted")
  }

  private func leader(_ lease: Object) -> String? {
    let spec = lease.json["spec"]
    guard let holder = spec?["holderIdentity"]?.string, !holder.isEmpty,
      let renewed = spec?["renewTime"]?.string.flatMap({ Timestamp.seconds(Self.whole($0)) }),
      now - Double(renewed) < Self.patience
    else { return nil }
    return holder
  }

  /// `2026-01-31T09:05:00.123456Z` without its fraction.
  private static func whole(_ time: String) -> String { time.prefix { $0 != "." && $0 != "Z" } + "Z" }
}
