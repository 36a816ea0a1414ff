import FoundationEssentials
import ServiceLifecycle
import Subprocess
import TestSupport
import Testing
import Values

@testable import EmbeddedAPI

/// The installed `kubectl`, and others beside it that have a version in their names.
@Suite(
  "kubectl with the embedded cluster", .serialized, .timeLimit(.minutes(10)),
  .enabled(if: !Kubectl.programs.isEmpty, "kubectl is not installed"))
struct KubectlTests {
  @Test("the commands of the quickstart work as printed", arguments: Kubectl.programs)
  func commands(program: String) async throws {
    try await APIFixture.with { fixture in
      try await withServer(fixture) { kubeconfig in
        let kubectl = Kubectl(program: program, kubeconfig: kubeconfig)
        let files = try files(in: fixture.folder)
        #expect(try await kubectl.run("get", "namespaces").isSuccess)
        let stranger = try await kubectl.run(
          "get", "namespaces", "--token=\(String(repeating: "0", count: 64))")
        #expect(!stranger.isSuccess)
        #expect(stranger.errors.contains("Unauthorized"), "\(stranger.errors)")

        let early = try await kubectl.run("apply", "-f", files.cluster)
        #expect(!early.isSuccess)
        #expect(early.errors.contains("error[cluster/app-registered]"))

        let app = try await kubectl.run("apply", "-f", files.app)
        #expect(app.output == "kubedirectorapp.kubedirector.hpe.com/spark-1.0.0 created\n", "\(app.errors)")
        let cluster = try await kubectl.run("apply", "-f", files.cluster)
        #expect(
          cluster.output == "kubedirectorcluster.kubedirector.hpe.com/analytics created\n",
          "\(cluster.errors)")
        let again = try await kubectl.run("apply", "-f", files.cluster)
        #expect(
          again.output == "kubedirectorcluster.kubedirector.hpe.com/analytics unchanged\n", "\(again.errors)")

        let described = try await kubectl.run("describe", "kdcluster", "analytics", "-n", "prod")
        #expect(described.output.contains("Kind:         KubeDirectorCluster"), "\(described.errors)")
        let table = try await kubectl.run("get", "kdcluster", "-n", "prod", "-o", "wide")
        #expect(table.output.hasPrefix("NAME"), "\(table.errors)")
        #expect(table.output.contains("analytics   spark-1.0.0"))

        try await change(kubectl)
        try await remove(kubectl)
      }
    }
  }

  private func change(_ kubectl: Kubectl) async throws {
    func cluster(_ verb: String, _ rest: String...) -> [String] {
      [verb, "kdcluster", "analytics", "-n", "prod"] + rest
    }
    let removal = #"[{"op":"remove","path":"/metadata/annotations/note"}]"#
    let commands: [[String]] = [
      cluster("label", "team=blue"), cluster("annotate", "note=a b"),
      cluster("patch", "--type=json", "-p", removal),
      ["get", "kdcluster", "-n", "prod", "-l", "team in (blue,red)", "-o", "name"],
      ["get", "events", "-n", "prod"], ["api-resources"],
    ]
    for arguments in commands {
      let outcome = try await kubectl.run(arguments)
      #expect(outcome.isSuccess, "\(arguments): \(outcome.errors)")
    }
    let refused = try await kubectl.run(
      cluster("patch", "--type=merge", "-p", #"{"spec":{"app":"x"}}"#))
    #expect(!refused.isSuccess)
    #expect(refused.errors.contains("denied the request"))
    let missing = try await kubectl.run("get", "kdcluster", "nothing", "-n", "prod")
    #expect(
      missing.errors
        == "Error from server (NotFound): kubedirectorclusters.kubedirector.hpe.com \"nothing\" not found\n")
  }

  private func remove(_ kubectl: Kubectl) async throws {
    let used = try await kubectl.run("delete", "kdapp", "spark-1.0.0", "-n", "prod")
    #expect(used.errors.contains("error[app/in-use]"))
    let cluster = try await kubectl.run("delete", "kdcluster", "analytics", "-n", "prod", "--timeout=30s")
    #expect(cluster.isSuccess, "\(cluster.errors)")
    let app = try await kubectl.run("delete", "kdapp", "spark-1.0.0", "-n", "prod", "--timeout=30s")
    #expect(app.isSuccess, "\(app.errors)")
  }

  private func files(in folder: String) throws -> (app: String, cluster: String) {
    let (app, cluster) = ("\(folder)/app.json", "\(folder)/cluster.yaml")
    try Data(APIFixture.app.serialized(pretty: true)).write(to: URL(filePath: app))
    try Data(YAMLWriter(.manifest).document(APIFixture.cluster).utf8).write(to: URL(filePath: cluster))
    return (app, cluster)
  }

  /// Serves the fixture's cluster while the body runs.
  private func withServer(
    _ fixture: APIFixture, _ body: (_ kubeconfig: String) async throws -> Void
  ) async throws {
    let kubeconfig = "\(fixture.folder)/kubeconfig"
    let (ports, announce) = AsyncStream<Int>.makeStream()
    let server = EmbeddedAPIServer(
      api: fixture.cluster,
      settings: EmbeddedAPIServer.Settings(
        kubeconfig: kubeconfig, policy: APIFixture.policy, isFollowingGit: false, build: "0.1.0"),
      logs: APIFixture.logs, mark: EmbeddedAPIServer.mark("default", .forTests), logger: APIFixture.logger,
      now: { Int(Date().timeIntervalSince1970) }, onListening: { announce.yield($0) })
    let services = ServiceGroup(services: [server], logger: APIFixture.logger)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        defer { announce.finish() }
        try await services.run()
      }
      for await _ in ports {
        try await body(kubeconfig)
        break
      }
      await services.triggerGracefulShutdown()
      try await group.waitForAll()
    }
    #expect(!FileManager.default.fileExists(atPath: kubeconfig))
  }
}

/// `kubectl` as a process.
struct Kubectl {
  let program: String
  let kubeconfig: String

  /// The paths of the installed programs.
  static let programs: [String] = {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
    guard let folder = folders.first(where: { FileManager.default.isExecutableFile(atPath: "\($0)/kubectl") })
    else { return [] }
    let program = "\(folder)/kubectl"
    let target = (try? FileManager.default.destinationOfSymbolicLink(atPath: program)) ?? program
    let whole = target.hasPrefix("/") ? target : "\(folder)/\(target)"
    let home = whole.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: home)) ?? []
    return [program] + names.filter { $0.hasPrefix("kubectl.") }.sorted().map { "\(home)/\($0)" }
  }()

  struct Outcome {
    var isSuccess: Bool
    var output: String
    var errors: String
  }

  func run(_ arguments: String...) async throws -> Outcome { try await run(arguments) }

  func run(_ arguments: [String]) async throws -> Outcome {
    let result = try await Subprocess.run(
      .path(.init(program)), arguments: Arguments(arguments),
      environment: .inherit.updating(["KUBECONFIG": kubeconfig, "HOME": "\(kubeconfig).home"]),
      input: .none, output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
    return Outcome(
      isSuccess: result.terminationStatus.isSuccess, output: result.standardOutput,
      errors: result.standardError)
  }
}
