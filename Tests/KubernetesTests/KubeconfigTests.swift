import ClusterAPI
import FoundationEssentials
import NIOSSL
import TestSupport
import Testing
import Values

@testable import Kubernetes

@Suite("Kubeconfig files")
struct KubeconfigTests {
  private func resolve(
    _ yaml: String, in folder: Folder, change: (inout ConnectionOptions) -> Void = { _ in }
  ) async throws -> Server {
    var options = ConnectionOptions(kubeconfig: try folder.write("config", yaml))
    change(&options)
    return try await Server.resolve(options)
  }

  private func refusal(
    _ yaml: String, in folder: Folder, change: (inout ConnectionOptions) -> Void = { _ in }
  ) async throws -> ConnectionError {
    let outcome: Result<Server, ConnectionError>
    do {
      outcome = .success(try await resolve(yaml, in: folder, change: change))
    } catch let error as ConnectionError {
      outcome = .failure(error)
    }
    guard case .failure(let error) = outcome else {
      Issue.record("the kubeconfig was taken")
      throw CancellationError()
    }
    return error
  }

  /// One context, with this cluster and user.
  private func yaml(cluster: String = "server: https://k.example:6443", user: String = "token: abc") -> String
  {
    """
    apiVersion: v1
    kind: Config
    current-context: prod
    clusters: [{name: c, cluster: {\(cluster)}}]
    users: [{name: u, user: {\(user)}}]
    contexts: [{name: prod, context: {cluster: c, user: u, namespace: team}}]
    """
  }

  @Test("the current context determines the server, the user and the namespace")
  func context() async throws {
    let folder = try Folder()
    let server = try await resolve(
      yaml(cluster: "server: 'https://k.example:6443/k8s/c1/', tls-server-name: kube"), in: folder)
    #expect(server.host == "k.example" && server.port == 6443 && server.path == "/k8s/c1")
    #expect(server.serverName == "kube" && server.namespace == "team" && server.label == "prod")
    #expect(server.tls?.certificateVerification == .fullVerification)
    let header = try await server.credentials.authorization()
    #expect(header == "Bearer abc")
  }

  @Test(
    "all forms of server addresses are parsed",
    arguments: [
      ("https://a.example", "a.example", 443, ""), ("https://[::1]:8443/", "::1", 8443, ""),
      ("http://127.0.0.1:8001", "127.0.0.1", 8001, ""),
      ("https://10.0.0.1:6443/a/b//", "10.0.0.1", 6443, "/a/b"),
    ])
  func addresses(text: String, host: String, port: Int, path: String) throws {
    let address = try #require(ServerAddress(text))
    #expect(address.host == host && address.port == port && address.path == path)
  }

  @Test(
    "an invalid server address is refused",
    arguments: [
      "k.example:6443", "ftp://k.example", "https://", "https://:6443", "https://u:p@k.example",
      "https://k:0",
      "https://k:99999", "https://k:abc", "https://k.example?a=b", "https://k example", "https://[::1",
    ])
  func noAddresses(text: String) { #expect(ServerAddress(text) == nil) }

  @Test("several files are merged as kubectl does: the first value wins, and missing files are skipped")
  func merging() async throws {
    let folder = try Folder()
    try folder.write("one/ca.pem", try TestAuthority().pem)
    let first = try folder.write(
      "one/config",
      """
      clusters: [{name: c, cluster: {server: https://first, certificate-authority: ca.pem}}]
      contexts: [{name: prod, context: {cluster: c, user: u}}]
      """)
    let second = try folder.write(
      "two/config",
      """
      current-context: prod
      clusters: [{name: c, cluster: {server: https://second}}, {name: d, cluster: {server: https://d}}]
      users: [{name: u, user: {tokenFile: token}}]
      contexts: [{name: test, context: {cluster: d}}]
      """)
    try folder.write("two/token", "from-two\n")
    var options = ConnectionOptions(
      environment: [
        "KUBECONFIG": "\(first):\(folder.path)/nowhere:\(second)", "KUBERNETES_SERVICE_HOST": "10.0.0.1",
      ])
    let server = try await Server.resolve(options)
    #expect(server.host == "first")
    let header = try await server.credentials.authorization()
    #expect(header == "Bearer from-two")

    options.context = "test"
    let other = try await Server.resolve(options)
    #expect(other.host == "d" && other.label == "test")
  }

  @Test("a flag precedes KUBECONFIG, then the pod's own account, then the home folder")
  func precedence() async throws {
    let folder = try Folder()
    func config(_ host: String) -> String { yaml(cluster: "server: https://\(host)") }
    let flag = try folder.write("flag", config("flag"))
    let variable = try folder.write("variable", config("variable"))
    try folder.write("home/.kube/config", config("home"))
    try folder.write("pod/token", "t")
    try folder.write("pod/ca.crt", try TestAuthority().pem)
    try folder.write("pod/namespace", "kdops-system\n")
    var options = ConnectionOptions(
      kubeconfig: flag,
      environment: [
        "KUBECONFIG": variable, "KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "6443",
        "HOME": "\(folder.path)/home",
      ])
    options.serviceAccountFolder = "\(folder.path)/pod"
    #expect(try await Server.resolve(options).host == "flag")
    options.kubeconfig = nil
    #expect(try await Server.resolve(options).host == "variable")
    options.environment["KUBECONFIG"] = nil
    let pod = try await Server.resolve(options)
    #expect(pod.host == "fd00::1" && pod.port == 6443 && pod.label == "in-cluster")
    #expect(pod.namespace == "kdops-system" && pod.address == "https://[fd00::1]:6443")
    options.context = "prod"
    #expect(try await Server.resolve(options).host == "home")
    options.context = nil
    options.environment["KUBERNETES_SERVICE_HOST"] = nil
    #expect(try await Server.resolve(options).host == "home")
    options.environment["HOME"] = nil
    do {
      _ = try await Server.resolve(options)
      Issue.record("a server was found where none is named")
    } catch {
      #expect(error.kind == .notConfigured && error.message.contains("--kubeconfig"))
    }
  }

  @Test("a missing file is an error if it was named explicitly")
  func missingFile() async throws {
    for options in [
      ConnectionOptions(kubeconfig: "/nowhere/config"),
      ConnectionOptions(environment: ["KUBECONFIG": "/nowhere/config:/nowhere/else"]),
    ] {
      do {
        _ = try await Server.resolve(options)
        Issue.record("a server was found in no file")
      } catch {
        #expect(error.kind == .unreadable && error.message.contains("/nowhere/config"))
      }
    }
  }

  @Test("an entry that the context needs and that is missing is named, with the existing ones")
  func missingParts() async throws {
    let folder = try Folder()
    let context = try await refusal(yaml(), in: folder) { $0.context = "tset" }
    #expect(context.kind == .missing && context.message.contains("no context tset; known here: prod"))
    let cluster = try await refusal(
      "current-context: a\ncontexts: [{name: a, context: {cluster: gone}}]", in: folder)
    #expect(cluster.message.contains("no cluster gone; known here: none"))
    let none = try await refusal("contexts: []", in: folder)
    #expect(none.kind == .missing && none.message.contains("--context"))
  }

  @Test(
    "an unsupported feature is refused with a reason and an alternative",
    arguments: [
      (
        "server: https://k, proxy-url: 'http://proxy'", "token: abc", ConnectionError.Kind.unsupported,
        "proxy-url"
      ),
      ("server: https://k, insecure-skip-tls-verify: true", "token: abc", .refused, "--allow-insecure-tls"),
      ("server: https://k, tls-server-name: 10.0.0.1", "token: abc", .malformed, "tls-server-name"),
      ("server: 'http://k.example'", "token: abc", .malformed, "plain HTTP"),
      ("server: k.example", "token: abc", .malformed, "https://"),
      ("{}", "token: abc", .malformed, "server is missing"),
      ("server: https://k, certificate-authority-data: '!!'", "token: abc", .malformed, "base64"),
      ("server: https://k, certificate-authority-data: aGk=", "token: abc", .malformed, "PEM"),
      ("server: https://k, certificate-authority: /nowhere.pem", "token: abc", .unreadable, "/nowhere.pem"),
      ("server: https://k", "auth-provider: {name: gcp}", .unsupported, "auth-provider"),
      ("server: https://k", "as: admin, token: abc", .unsupported, "as is not supported"),
      ("server: https://k", "exec: {command: aws, apiVersion: x}", .refused, "--allow-exec-plugins"),
      ("server: https://k", "client-certificate-data: aGk=", .malformed, "client-key"),
      ("server: https://k", "token: 12345", .malformed, "must be text"),
      ("server: https://k", "token: \"a\\nb\"", .malformed, "no token"),
    ])
  func refusals(cluster: String, user: String, kind: ConnectionError.Kind, words: String) async throws {
    let folder = try Folder()
    let error = try await refusal(
      yaml(cluster: cluster == "{}" ? "" : cluster, user: user), in: folder)
    #expect(error.kind == kind)
    #expect(error.message.contains(words))
    #expect(error.message.contains("\(folder.path)/config") || error.kind == .unreadable)
  }

  @Test("with the flag, the certificate is not verified")
  func insecure() async throws {
    let folder = try Folder()
    let server = try await resolve(
      yaml(cluster: "server: https://k, insecure-skip-tls-verify: true"), in: folder
    ) { $0.allowsInsecureTLS = true }
    #expect(server.tls?.certificateVerification == CertificateVerification.none)
  }

  @Test("plain HTTP on this machine carries no credentials")
  func plain() async throws {
    let folder = try Folder()
    let server = try await resolve(yaml(cluster: "server: 'http://localhost:8001'"), in: folder)
    let header = try await server.credentials.authorization()
    #expect(server.tls == nil && header == nil)
  }

  @Test("a file that is no kubeconfig is named, with the line if it is known")
  func malformed() async throws {
    let folder = try Folder()
    let broken = try await refusal("clusters:\n  - name: a\n cluster: b", in: folder)
    #expect(broken.kind == .malformed && broken.message.contains("config:3"))
    let other = try await refusal("kind: Deployment", in: folder)
    #expect(other.message.contains("holds a Deployment"))
    let list = try await refusal("[1, 2]", in: folder)
    #expect(list.kind == .malformed)
    let users = try await refusal("users: {a: b}", in: folder)
    #expect(users.message.contains("users must be a list"))
  }

  @Test("user name and password are sent in the Basic header")
  func basic() async throws {
    let folder = try Folder()
    let server = try await resolve(yaml(user: "username: me, password: 'p:w'"), in: folder)
    let header = try await server.credentials.authorization()
    #expect(header == "Basic bWU6cDp3")
    let identity = await server.credentials.identity
    #expect(identity == "me")
  }

  @Test("a client certificate identifies the client")
  func certificate() async throws {
    let folder = try Folder()
    let issued = try TestAuthority().issue("jane")
    try folder.write("c.pem", issued.certificatePEM)
    let key = Data(issued.keyPEM.utf8).base64EncodedString()
    let server = try await resolve(
      yaml(user: "client-certificate: c.pem, client-key-data: \(key)"), in: folder)
    let identity = await server.credentials.identity
    #expect(identity == "jane")
    #expect(server.tls?.certificateChain.count == 1 && server.tls?.privateKey != nil)
  }

  @Test("no error, description or dump shows a secret")
  func secrets() async throws {
    let folder = try Folder()
    let secret = "hunter2hunter2"
    let users = [
      "token: [\(secret)]", "token: \"\(secret)\\n\(secret)\"", "username: a, password: [\(secret)]",
      "client-key-data: \(secret), client-certificate-data: \(secret)",
      "exec: {command: x, apiVersion: v0, args: [\(secret)], env: [{name: A, value: \(secret)}]}",
    ]
    for user in users {
      for allows in [false, true] {
        let error = try await refusal(yaml(user: user), in: folder) { $0.allowsExecPlugins = allows }
        #expect(!"\(error)".contains(secret))
      }
    }
    let broken = try await refusal(yaml(user: "token: \(secret)") + "\n\(secret): [", in: folder)
    #expect(!"\(broken)".contains(secret))
    for user in ["token: \(secret)", "username: a, password: \(secret)"] {
      let server = try await resolve(yaml(user: user), in: folder)
      var dumped = ""
      dump(server.credentials, to: &dumped)
      #expect(!dumped.contains(secret) && !"\(server.credentials)".contains(secret))
    }
  }
}
