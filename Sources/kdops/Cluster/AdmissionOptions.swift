import Admission
import ArgumentParser
import ClusterAPI
import Daemon
import FoundationEssentials
import KubeDirector
import Kubernetes
import Values

/// The options for the admission webhook, which judges objects that users apply directly, and its address for
/// API servers.
struct AdmissionOptions: ParsableArguments {
  @Option(
    defaultAsFlag: AdmissionOptions.standard, parsing: .next,
    help: ArgumentHelp(
      "Validate manual writes by the same rules: the address of an admission webhook.",
      valueName: "host:port"))
  var admission: String?

  @Option(
    name: .customLong("admission-url"),
    help: ArgumentHelp("The URL of the webhook for the API server, if it is not a Service.", valueName: "url")
  )
  var admissionURL: String?

  /// All addresses of the host, at the port that `kdops install` configures.
  static let standard = "0.0.0.0:9443"

  var isAsked: Bool { admission != nil || admissionURL != nil }

  func validate() throws {
    if let admission, Self.address(admission) == nil {
      throw ValidationError("--admission \(admission): write HOST:PORT, such as \(Self.standard)")
    }
    if let admissionURL, Self.host(admissionURL) == nil {
      throw ValidationError(
        "--admission-url \(admissionURL): write https://HOST:PORT\(AdmissionSettings.path)")
    }
  }

  /// Returns nil if the webhook was not requested.
  ///
  /// - Throws: An error if the stamp key is needed and cannot be obtained.
  func server(for daemon: KubernetesDaemon) async throws(APIError) -> AdmissionServer? {
    guard isAsked, let (host, port) = Self.address(admission ?? Self.standard) else { return nil }
    let policy = daemon.options.policy
    let client = daemon.client
    let settings = AdmissionSettings(
      address: host, port: port, hostNames: admissionURL.flatMap(Self.host).map { [$0] } ?? [],
      namespace: daemon.lease.namespace, installation: policy.installation, ownName: client.identity,
      policy: policy, namespaces: policy.tenancy.named)
    // Some credentials, such as those from exec plugins, do not contain the user's name.
    var stamp: Stamp?
    if client.identity == nil {
      stamp = try await StampKey.obtain(
        from: client, namespace: settings.namespace, installation: settings.installation)
    }
    return AdmissionServer(
      api: client, settings: settings, stamp: stamp, logger: daemon.logger,
      now: { Int(Date().timeIntervalSince1970) },
      publish: { bundle in
        // The daemon manages only this field. The rest belongs to the installer.
        let webhook: JSON = [
          "name": .string(AdmissionSettings.webhookName),
          "clientConfig": ["caBundle": .string(Data(bundle).base64EncodedString())],
        ]
        let field = Object(
          .validatingWebhooks, namespace: "", name: settings.configurationName,
          content: ["webhooks": [webhook]])
        _ = try await client.apply(field, manager: "kdops", force: true)
      })
  }

  static func address(_ text: String) -> (host: String, port: Int)? {
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
      (1...65_535).contains(port)
    else { return nil }
    let host = text[..<colon].filter { $0 != "[" && $0 != "]" }
    return host.isEmpty ? nil : (host, port)
  }

  /// The host of an https address, without brackets.
  static func host(_ url: String) -> String? {
    guard let url = URL(string: url), url.scheme == "https", url.path == AdmissionSettings.path else {
      return nil
    }
    return url.host.flatMap { $0.isEmpty ? nil : $0.filter { $0 != "[" && $0 != "]" } }
  }
}
