import ArgumentParser
import ClusterAPI
import EmbeddedAPI
import EmbeddedCluster
import FoundationEssentials
import KubeDirector
import Logging
import Rules
import Values

/// The options for the API of an embedded cluster for `kubectl`.
struct APIOptions: ParsableArguments {
  @Option(
    name: .customLong("serve-api"), defaultAsFlag: APIOptions.standard, parsing: .next,
    help: ArgumentHelp(
      "Serve the API of the embedded cluster for kubectl, with DIR/kubeconfig: a loopback address, port 0 for any.",
      valueName: "host:port"))
  var serveAPI: String?

  /// Any free port.
  static let standard = "127.0.0.1:0"

  func validate() throws {
    if let serveAPI { try Self.check(serveAPI, "--serve-api") }
  }

  static func check(_ text: String, _ option: String) throws {
    guard let (host, _) = address(text), EmbeddedAPIServer.isLoopback(host) else {
      throw ValidationError(
        "\(option) \(text): write a loopback address and a port, such as 127.0.0.1:6443 or [::1]:6443")
    }
  }

  /// Nil for a malformed address.
  static func address(_ text: String) -> (host: String, port: Int)? {
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
      (0...65_535).contains(port)
    else { return nil }
    let host = text[..<colon].filter { $0 != "[" && $0 != "]" }
    return host.isEmpty ? nil : (host, port)
  }
}

extension EmbeddedAPIServer {
  /// The API of the embedded cluster in a folder.
  ///
  /// - Parameters:
  ///   - address: an address that `APIOptions` has checked.
  ///   - stamp: marks the objects that are applied, for a cluster that follows no repository; nil if it follows one.
  static func embedded(
    _ cluster: EmbeddedCluster, in folder: String, address: String, policy: Policy, stamp: Stamp?,
    logger: Logger, onListening: @escaping @Sendable (_ port: Int) async -> Void = { _ in }
  ) throws -> EmbeddedAPIServer {
    let (host, port) = APIOptions.address(address) ?? ("127.0.0.1", 0)
    let settings = Settings(
      address: host, port: port, kubeconfig: kubeconfig(in: folder), policy: policy,
      isFollowingGit: stamp == nil, build: Kdops.version)
    return EmbeddedAPIServer(
      api: cluster, settings: settings, logs: try ScriptLogs(embedded: folder),
      mark: stamp.map { mark(policy.installation, $0) }, logger: logger,
      now: { Int(Date().timeIntervalSince1970) }, onListening: onListening)
  }

  /// The kubeconfig of the embedded cluster in a folder.
  static func kubeconfig(in folder: String) -> String { "\(folder)/kubeconfig" }
}

extension ScriptLogs {
  /// Reads the scripts of an embedded cluster from the disk.
  fileprivate init(embedded folder: String) throws {
    let reader = try EmbeddedCluster.openReadOnly(folder)
    self.init { (pod, isPrevious, position) async throws(APIError) -> ScriptOutput? in
      let known = ScriptRecord.Position(
        key: position.run, stdout: position.stdout, stderr: position.stderr)
      let record = try await ScriptRecord.read(
        .embedded(reader, folder: folder), pod: pod, back: isPrevious ? 1 : 0, after: known)
      return record.map { record in
        ScriptOutput(
          run: record.key, stdout: record.stdout, stderr: record.stderr, hasEnded: record.exitCode != nil)
      }
    }
  }
}
