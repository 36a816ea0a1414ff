import ClusterAPI
import FoundationEssentials
import Synchronization
import TestSupport
import Testing
import Values

@testable import Kubernetes

@Suite("Exec credential plugins")
struct ExecPluginTests {
  private let folder: Folder
  private static let version = "client.authentication.k8s.io/v1"

  init() throws { folder = try Folder() }

  /// A kubeconfig whose user comes from a script; the script counts its runs in the file `runs`.
  private func options(
    _ script: String, more: JSON = [:], apiVersion: String = version, wall: Double = 0
  ) throws -> ConnectionOptions {
    try folder.write(
      "plugin", "#!/bin/sh\necho run >>\"$(dirname \"$0\")/runs\"\n\(script)\n", executable: true)
    var exec: JSON = ["command": "./plugin", "apiVersion": .string(apiVersion)]
    for (key, value) in more.object ?? [:] { exec[key] = value }
    let config: JSON = [
      "current-context": "it",
      "clusters": [
        ["name": "it", "cluster": ["server": "https://k.example", "certificate-authority-data": nil]]
      ],
      "users": [["name": "u", "user": ["exec": exec]]],
      "contexts": [["name": "it", "context": ["cluster": "it", "user": "u"]]],
    ]
    var options = ConnectionOptions(
      kubeconfig: try folder.write("config", config.text()),
      environment: ["PATH": "/usr/bin:/bin", "OWN": "own"],
      allowsExecPlugins: true)
    options.wallClock = { wall }
    // On a busy machine the real time limit of a plugin may pass.
    options.clock = TestClock()
    return options
  }

  private func credential(_ status: String, apiVersion: String = version) -> String {
    "cat <<'END'\n{\"apiVersion\":\"\(apiVersion)\",\"kind\":\"ExecCredential\",\"status\":{\(status)}}\nEND"
  }

  private var runs: Int {
    let text = FileManager.default.contents(atPath: "\(folder.path)/runs").map {
      String(decoding: $0, as: UTF8.self)
    }
    return text?.split(separator: "\n").count ?? 0
  }

  private func refusal(_ options: ConnectionOptions) async throws -> ConnectionError {
    do {
      _ = try await Server.resolve(options)
    } catch {
      return error
    }
    Issue.record("the plugin was taken")
    throw CancellationError()
  }

  @Test("a plugin's token is used until the server rejects it", arguments: ["v1", "v1beta1"])
  func token(version: String) async throws {
    let apiVersion = "client.authentication.k8s.io/\(version)"
    let server = try await Server.resolve(
      options(credential("\"token\":\"abc\"", apiVersion: apiVersion), apiVersion: apiVersion))
    for _ in 0..<3 {
      let header = try await server.credentials.authorization()
      #expect(header == "Bearer abc")
    }
    #expect(runs == 1)
    await server.credentials.forget()
    _ = try await server.credentials.authorization()
    #expect(runs == 2)
  }

  @Test("a token is renewed shortly before it expires")
  func expiration() async throws {
    let end = try #require(WallClock.seconds(timestamp: "2026-01-01T00:00:00Z"))
    let now = Mutex(end - 60)
    let script = credential("\"token\":\"abc\",\"expirationTimestamp\":\"2026-01-01T00:00:00Z\"")
    var options = try options(script)
    options.wallClock = { now.withLock { $0 } }
    let server = try await Server.resolve(options)
    _ = try await server.credentials.authorization()
    #expect(runs == 1)
    now.withLock { $0 = end - 5 }
    _ = try await server.credentials.authorization()
    #expect(runs == 2)
  }

  @Test("many parallel calls run the plugin once")
  func once() async throws {
    let server = try await Server.resolve(options(credential("\"token\":\"abc\"")))
    await server.credentials.forget()
    try await withThrowingTaskGroup { group in
      for _ in 0..<10 { group.addTask { _ = try await server.credentials.authorization() } }
      try await group.waitForAll()
    }
    #expect(runs == 2)
  }

  @Test("the plugin gets its arguments unchanged, its variables, and the ExecCredential input")
  func call() async throws {
    let script = """
      printf '%s\\n' "$1" "$2" "$VARIABLE" "$OWN" "$KUBERNETES_EXEC_INFO" >"$(dirname "$0")/seen"
      \(credential("\"token\":\"abc\""))
      """
    let more: JSON = [
      "args": ["a b", "$(id)"], "env": [["name": "VARIABLE", "value": "v"]], "provideClusterInfo": true,
      "interactiveMode": "IfAvailable",
    ]
    _ = try await Server.resolve(options(script, more: more))
    let seen = FileManager.default.contents(atPath: "\(folder.path)/seen").map {
      String(decoding: $0, as: UTF8.self)
    }
    let lines = try #require(seen).split(separator: "\n").map(String.init)
    #expect(lines.prefix(4) == ["a b", "$(id)", "v", "own"])
    let info = try JSON.parse(lines[4])
    #expect(info["kind"]?.string == "ExecCredential" && info["apiVersion"]?.string == Self.version)
    #expect(info["spec"]?["interactive"]?.bool == false)
    #expect(info["spec"]?["cluster"]?["server"]?.string == "https://k.example")
  }

  @Test("a plugin may return a client certificate, but not a different one later")
  func certificate() async throws {
    let authority = try TestAuthority()
    func status(_ issued: TestAuthority.Issued) -> String {
      let json: JSON = [
        "clientCertificateData": .string(issued.certificatePEM), "clientKeyData": .string(issued.keyPEM),
      ]
      return String(json.text().dropFirst().dropLast())
    }
    let server = try await Server.resolve(options(credential(status(try authority.issue("jane")))))
    #expect(server.tls?.certificateChain.count == 1)
    let header = try await server.credentials.authorization()
    #expect(header == nil)
    _ = try options(credential(status(try authority.issue("john"))))
    await server.credentials.forget()
    let error = try await failure { try await server.credentials.authorization() }
    #expect(error.kind == .unauthorized && error.message.contains("start again"))
  }

  @Test("without the flag no plugin is run")
  func refused() async throws {
    var options = try options(credential("\"token\":\"abc\""))
    options.allowsExecPlugins = false
    let error = try await refusal(options)
    #expect(error.kind == .refused && error.message.contains("--allow-exec-plugins"))
    #expect(runs == 0)
  }

  @Test(
    "a plugin without usable output is named, and its output is not shown",
    arguments: [
      ("echo hunter2; exit 3", "failed"), ("echo hunter2", "no JSON"),
      ("echo '{\"token\":\"hunter2\"}'", "no ExecCredential"),
      (
        "echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1alpha1\",\"status\":{\"token\":\"hunter2\"}}'",
        "another version"
      ),
    ])
  func useless(script: String, words: String) async throws {
    let error = try await refusal(options(script))
    #expect(error.kind == .pluginFailed && error.message.contains(words))
    #expect(error.message.contains("\(folder.path)/config: user u"))
    #expect(!error.message.contains("hunter2"))
  }

  @Test(
    "the values of a credential are validated",
    arguments: [
      ("\"other\":1", "neither a token nor a certificate"), ("\"token\":\"a\\nb\"", "a token that is none"),
      ("\"clientKeyData\":\"k\",\"token\":\"t\"", "without"),
      ("\"token\":\"t\",\"expirationTimestamp\":\"soon\"", "expirationTimestamp"),
    ])
  func nonsense(status: String, words: String) async throws {
    let error = try await refusal(options(credential(status)))
    #expect(error.kind == .pluginFailed && error.message.contains(words))
  }

  @Test("a missing plugin is reported with the kubeconfig's install hint")
  func absent() async throws {
    let options = try options(
      "", more: ["command": "kdops-no-such-program", "installHint": "install it\nfrom there"])
    let error = try await refusal(options)
    #expect(error.message.contains("could not be run") && error.message.contains("install it from there"))
  }

  @Test("a plugin that hangs is given up")
  func endless() async throws {
    var options = try options("exec sleep 1000")
    options.clock = SkippingClock()
    let error = try await refusal(options)
    #expect(error.kind == .pluginFailed && error.message.contains("did not end"))
  }
}
