import FoundationEssentials
import NIOSSL

extension Server {
  /// Finds the server, in this order: the flags, `KUBECONFIG`, the pod's own service account, `~/.kube/config`.
  static func resolve(_ options: ConnectionOptions) async throws(ConnectionError) -> Server {
    if let path = options.kubeconfig {
      return try await from([path], missingIsFine: false, options)
    }
    let variable = options.environment["KUBECONFIG"] ?? ""
    if !variable.isEmpty {
      let paths = variable.split(separator: ":").map(String.init)
      return try await from(paths, missingIsFine: true, options)
    }
    if options.context == nil, let server = try inCluster(options) { return server }
    if let home = options.environment["HOME"], !home.isEmpty {
      let path = "\(home)/.kube/config"
      if FileManager.default.fileExists(atPath: path) {
        return try await from([path], missingIsFine: false, options)
      }
    }
    throw ConnectionError(
      .notConfigured,
      "no Kubernetes is named: KUBECONFIG is not set, this is no pod with a service account, and ~/.kube/config is not there; give --kubeconfig FILE"
    )
  }

  private static func from(
    _ paths: [String], missingIsFine: Bool, _ options: ConnectionOptions
  ) async throws(ConnectionError) -> Server {
    let config = try Kubeconfig(paths, missingIsFine: missingIsFine)
    return try await named(by: config.selection(options.context), options)
  }

  /// Returns the API server of the cluster that this pod runs in; nil outside a pod, and in a pod without a
  /// service account.
  static func inCluster(_ options: ConnectionOptions) throws(ConnectionError) -> Server? {
    let folder = options.serviceAccountFolder
    let token = "\(folder)/token"
    guard let host = options.environment["KUBERNETES_SERVICE_HOST"], !host.isEmpty,
      FileManager.default.fileExists(atPath: token)
    else { return nil }
    let portText = options.environment["KUBERNETES_SERVICE_PORT"] ?? "443"
    guard let port = Int(portText), (1...65535).contains(port) else {
      throw ConnectionError(
        .malformed, "KUBERNETES_SERVICE_PORT must be a port, not \(portText); correct the pod's environment")
    }
    let authority = Stanza(
      title: "the service account", file: "\(folder)/ca.crt", json: ["ca": .string("\(folder)/ca.crt")])
    var tls = TLSConfiguration.makeClientConfiguration()
    tls.minimumTLSVersion = .tlsv12
    let pem = try FileText.bytes(at: "\(folder)/ca.crt", for: "the pod's service account")
    tls.trustRoots = .certificates(try PEM.certificates(pem, "ca.crt", of: authority))
    return Server(
      host: host, port: port, path: "", tls: tls, serverName: nil,
      credentials: TokenFile(token, time: options.time), namespace: FileText.line(at: "\(folder)/namespace"),
      label: "in-cluster")
  }
}
