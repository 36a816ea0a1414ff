import Diagnostics
import Subprocess
import SystemPackage
import Values

/// The command of an exec plugin: an argument vector, run without a shell and without a terminal.
struct PluginCommand: Sendable {
  private static let versions = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"]
  /// The program's timeout. It may have to contact a server.
  private static let timeout = Duration.seconds(60)
  private static let outputLimit = 1 << 20

  let stanza: Stanza
  private let apiVersion: String
  private let command: String
  private let arguments: [String]
  private let environment: [String: String]
  private let installHint: String?
  private let sleep: @Sendable (Duration) async throws -> Void

  /// The plugin's name in errors. Arguments are omitted, because some contain secrets.
  var title: String { "\(stanza.file): \(stanza.title): the exec plugin \(command)" }

  init(
    _ json: JSON, of user: Stanza, cluster: Stanza, _ options: ConnectionOptions
  ) throws(ConnectionError) {
    let exec = Stanza(title: "\(user.title): exec", file: user.file, json: json)
    guard let command = try exec.text("command") else { throw exec.malformed("command", "is missing") }
    guard options.allowsExecPlugins else {
      throw ConnectionError(
        .refused,
        "\(user.file): \(user.title) gets its credentials from the program \(command), which is run only with --allow-exec-plugins"
      )
    }
    let apiVersion = try exec.text("apiVersion") ?? ""
    guard Self.versions.contains(apiVersion) else {
      throw ConnectionError(
        .unsupported,
        "\(user.file): \(exec.title): apiVersion must be one of \(Self.versions.joined(separator: ", ")); use a newer plugin"
      )
    }
    guard try exec.text("interactiveMode") != "Always" else {
      throw ConnectionError(
        .unsupported,
        "\(user.file): \(exec.title): the program wants a terminal, and there is none; use a user that needs no input"
      )
    }
    stanza = user
    self.apiVersion = apiVersion
    self.command = command.contains("/") ? user.resolved(command) : command
    installHint = try exec.text("installHint")
    arguments = (json["args"]?.array ?? []).compactMap(\.string)
    sleep = options.time.sleep

    var environment = options.environment
    for entry in json["env"]?.array ?? [] {
      if let name = entry["name"]?.string, let value = entry["value"]?.string { environment[name] = value }
    }
    environment["KUBERNETES_EXEC_INFO"] = try Self.info(apiVersion, cluster, exec).text()
    self.environment = environment
  }

  /// Builds the `ExecCredential` input for the program.
  private static func info(
    _ apiVersion: String, _ cluster: Stanza, _ exec: Stanza
  ) throws(ConnectionError) -> JSON {
    var spec: JSON = ["interactive": false]
    if try exec.flag("provideClusterInfo") {
      var info: JSON = [:]
      for key in ["server", "tls-server-name", "insecure-skip-tls-verify", "certificate-authority-data"] {
        if let value = cluster.json[key] { info[key] = value }
      }
      let extensions = cluster.json["extensions"]?.array ?? []
      let own = extensions.first { $0["name"]?.string == "client.authentication.k8s.io/exec" }
      if let config = own?["extension"] { info["config"] = config }
      spec["cluster"] = info
    }
    return ["apiVersion": .string(apiVersion), "kind": "ExecCredential", "spec": spec]
  }

  func run() async throws(ConnectionError) -> PluginCredential {
    try PluginCredential(try await output(), apiVersion: apiVersion, title)
  }

  private func output() async throws(ConnectionError) -> [UInt8] {
    let outcome = await withTaskGroup(of: Result<[UInt8], ConnectionError>?.self) { group in
      group.addTask { await execute() }
      group.addTask {
        do { try await sleep(Self.timeout) } catch { return nil }
        return .failure(
          ConnectionError(.pluginFailed, "\(title) did not end within a minute; run it manually"))
      }
      defer { group.cancelAll() }
      while let outcome = await group.next() {
        if let outcome { return outcome }
      }
      return .failure(ConnectionError(.pluginFailed, "\(title) was not waited for; start again"))
    }
    return try outcome.get()
  }

  private func execute() async -> Result<[UInt8], ConnectionError> {
    do {
      let result = try await Subprocess.run(
        command.contains("/") ? .path(FilePath(command)) : .name(command), arguments: Arguments(arguments),
        environment: .custom(
          Dictionary(
            uniqueKeysWithValues: environment.map { (Environment.Key(stringLiteral: $0.key), $0.value) })),
        output: .bytes(limit: Self.outputLimit), error: .discarded)
      guard result.terminationStatus.isSuccess else {
        return .failure(
          ConnectionError(
            .pluginFailed, "\(title) failed (\(result.terminationStatus)); run it manually to see why"))
      }
      return .success(result.standardOutput)
    } catch {
      let hint = installHint.map { "; \($0.split(whereSeparator: \.isNewline).joined(separator: " "))" } ?? ""
      return .failure(
        ConnectionError(
          .pluginFailed, "\(title) could not be run; check that it is installed and in PATH\(hint)"))
    }
  }
}
