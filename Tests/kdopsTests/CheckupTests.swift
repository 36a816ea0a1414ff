import ClusterAPI
import EmbeddedCluster
import GitStore
import Installation
import TestSupport
import Testing
import Values

@testable import kdops

@Suite("kdops doctor")
struct CheckupTests {
  /// A machine on which everything is in order.
  private static let healthy = CheckupFacts(
    target: .embedded(runsUnsandboxed: false), configurationProblems: [], branch: "main",
    repository: .reached("https://git.example/fleet.git", head: String(repeating: "4f2c9ab0", count: 5)),
    cluster: .notSelected, signatureProblems: [], scripts: .tried(.works),
    clock: CheckupFacts.Clock(now: 1_796_000_000, isSynchronized: true, leaseRenewed: nil),
    disk: CheckupFacts.Disk(
      folder: "/srv/kdops", freeBytes: 31 << 30, freeFiles: 1_000_000, isWritable: true),
    scriptDisk: 4 << 30,
    versions: CheckupFacts.Versions(
      kdops: "0.1.0", commit: "f7f37c6", swift: "6.3", isDebug: false, libgit2: "1.5.1", git: "2.39.5",
      kernel: "6.1.0-28-amd64"))

  private func check(
    _ subject: Checkup.Check.Subject, _ change: (inout CheckupFacts) -> Void = { _ in }
  ) throws -> Checkup.Check {
    var facts = Self.healthy
    change(&facts)
    return try #require(Checkup(facts).checks.first { $0.subject == subject })
  }

  @Test("checks each subject once, and nothing is wrong on a healthy machine")
  func healthy() {
    let checkup = Checkup(Self.healthy)
    #expect(checkup.checks.map(\.subject) == Checkup.Check.Subject.allCases)
    #expect(!checkup.hasFailed)
    #expect(checkup.count(.warning) == 0)
    #expect(CheckupText(isColoured: false).lines(checkup).last == "everything that was checked is in order")
  }

  @Test("every failure and every warning has a fix")
  func fixes() throws {
    var facts = Self.healthy
    facts.configurationProblems = ["interval must be a duration", "prune must be true or false"]
    facts.repository = .failed(GitError(.refused, "authentication failed"))
    facts.cluster = .unreachable("the server does not answer")
    facts.signatureProblems = ["verify.keyring: /k cannot be read; check the path and who may read it"]
    facts.scripts = .tried(.notInstalled)
    facts.clock.now = 0
    facts.disk?.isWritable = false
    facts.versions = CheckupFacts.Versions(
      kdops: "0.1.0", commit: "", swift: "6.3", isDebug: true, libgit2: "1.1.0", git: nil, kernel: "5.4.0")
    let checkup = Checkup(facts)
    #expect(checkup.hasFailed)
    for check in checkup.checks where check.result == .failed || check.result == .warning {
      #expect(check.fix?.isEmpty == false, "\(check.subject)")
    }
    #expect(checkup.count(.failed) == 7)
    #expect(checkup.count(.warning) == 4)
    #expect(try OutputSchema("doctor").problems(of: checkup.json) == [])
    let text = CheckupText(isColoured: false).lines(checkup).joined(separator: "\n")
    #expect(text.contains("✗ git access     authentication failed\n                 fix: "), "\(text)")
    #expect(text.hasSuffix("7 checks failed, 4 warnings"))
  }

  @Test("git access: the error's own remedy is the fix")
  func git() throws {
    let failed = try check(.git) {
      $0.repository = .failed(GitError(.hostKey, "the key of git.example is unknown", hint: "ssh-keyscan …"))
    }
    #expect(failed.result == .failed)
    #expect(failed.fix == "ssh-keyscan …")
    #expect(try check(.git) { $0.repository = .notNamed }.result == .skipped)
    #expect(try check(.git).message == "https://git.example/fleet.git can be read; main is at 4f2c9ab")
  }

  @Test("RBAC: denied requests are grouped by kind and place")
  func denials() throws {
    let denied = [
      AccessRequest(verb: .create, resource: .services, namespace: "prod"),
      AccessRequest(verb: .patch, resource: .services, namespace: "prod"),
      AccessRequest(verb: .create, resource: .pods, subresource: "exec"),
      AccessRequest(verb: .get, resource: .leases, namespace: "kdops-system", name: "kdops-default"),
      AccessRequest(verb: .patch, resource: .validatingWebhooks, name: "kdops-default"),
    ]
    let check = try check(.rbac) {
      $0.cluster = .reached(
        CheckupFacts.Access(
          server: "prod, v1.30.0,", account: "kdops-system/kdops", reviewed: 60, denied: denied))
    }
    #expect(check.result == .failed)
    #expect(
      check.message
        == "the service account kdops-system/kdops may not create, patch services in prod; "
        + "create pods/exec in all namespaces; get leases kdops-default in kdops-system; "
        + "patch validatingwebhookconfigurations kdops-default")
    #expect(check.fix?.contains("kdops install --export") == true)
  }

  @Test("RBAC: a review that is denied itself is a warning")
  func unreviewed() throws {
    let access = CheckupFacts.Access(
      server: "prod", account: "a/b", reviewed: 0, denied: [], problem: .forbidden("you lack the permission"))
    #expect(try check(.rbac) { $0.cluster = .reached(access) }.result == .warning)
    #expect(try check(.apiServer) { $0.cluster = .reached(access) }.result == .ok)
    #expect(try check(.apiServer) { $0.cluster = .lacksDefinitions(server: "prod") }.result == .failed)
  }

  @Test("RBAC: a review that fails otherwise is a failed check")
  func failedReview() throws {
    for (kind, result) in [(APIError.Kind.timeout, Checkup.Check.Result.failed), (.forbidden, .warning)] {
      let access = CheckupFacts.Access(
        server: "prod", account: nil, reviewed: 3, denied: [],
        problem: CheckupFacts.ReviewProblem(APIError(kind, "no answer in 30s")))
      let check = try check(.rbac) { $0.cluster = .reached(access) }
      #expect(check.result == result)
      #expect(check.message.contains("no answer in 30s"))
    }
  }

  @Test("RBAC: without an answer of the API server it is not checked")
  func unreached() throws {
    let check = try check(.rbac) { $0.cluster = .unreachable("refused") }
    #expect(check.result == .skipped)
    #expect(check.message == "not checked, because the API server cannot be reached")
  }

  @Test("the command that installs has the options of the checkup")
  func installCommand() throws {
    let options = try DoctorCommand.parse([
      "--context", "prod", "--installation", "x", "--system-namespace", "ops", "--kubeconfig", "a b",
    ]).options
    let environment = ["KDOPS_CONFIG": "k.yaml"]
    var reader = ConfigurationReader()
    reader.read(flags: options.flags)
    #expect(
      options.installCommand(reader.values, environment)
        == "kdops install --export --config=k.yaml --namespace=ops --installation=x "
        + "| kubectl --kubeconfig='a b' --context=prod apply -f -")
    #expect(
      try DoctorCommand.parse([]).options.installCommand([:], [:]) == CheckupOptions.standardInstallCommand)
  }

  @Test("the data folder is that of run")
  func dataFolder() {
    let environment = ["HOME": "/h"]
    let folder = DataFolder.path(nil, installation: "x", repo: "u", environment)
    #expect(folder.hasPrefix("/h/.local/state/kdops/x-"))
    #expect(DataFolder.path("d", installation: "x", repo: "u", environment) == "d")
  }

  @Test("every permission of an installation is reviewed once")
  func requests() {
    let requests = CheckupProbe.requests(InstallationSettings(tenantNamespaces: ["prod", "staging"]))
    #expect(Set(requests).count == requests.count)
    #expect(requests.contains(AccessRequest(verb: .create, resource: .statefulSets, namespace: "staging")))
    #expect(!requests.contains { $0.namespace == nil })
  }

  @Test("bubblewrap fails an embedded cluster, and is only a warning if nothing needs it")
  func sandbox() throws {
    func result(_ target: CheckupFacts.Target, _ scripts: CheckupFacts.Scripts?) throws
      -> Checkup.Check.Result
    {
      try check(.bubblewrap) {
        $0.target = target
        $0.scripts = scripts
      }.result
    }
    #expect(try result(.embedded(runsUnsandboxed: false), .tried(.notInstalled)) == .failed)
    #expect(try result(.embedded(runsUnsandboxed: true), .tried(.notInstalled)) == .warning)
    #expect(try result(.none, .tried(.refused("no permission", changesUser: false))) == .warning)
    #expect(try result(.kubernetes, nil) == .skipped)
    let refused = try check(.bubblewrap) {
      $0.scripts = .tried(.refused("setting up uid map: Permission denied", changesUser: false))
    }
    #expect(refused.message.contains("Permission denied"))
    #expect(refused.fix?.contains("apparmor_restrict_unprivileged_userns") == true)
  }

  @Test(
    "the clock",
    arguments: [
      (1_796_000_000, true, nil, Checkup.Check.Result.ok), (1_796_000_000, false, nil, .warning),
      (1_796_000_000, nil, nil, .ok), (1_000_000_000, true, nil, .failed),
      (1_796_000_000, true, 1_796_000_004, .ok), (1_796_000_000, true, 1_796_000_060, .failed),
      (1_796_000_000, true, 1_795_000_000, .ok),
    ] as [(Int, Bool?, Int?, Checkup.Check.Result)])
  func clock(_ now: Int, _ isSynchronized: Bool?, _ renewed: Int?, _ result: Checkup.Check.Result) throws {
    let found = try check(.clock) {
      $0.clock = CheckupFacts.Clock(now: now, isSynchronized: isSynchronized, leaseRenewed: renewed)
    }
    #expect(found.result == result)
  }

  @Test("the disk has to take what the daemon and a script may write")
  func disk() throws {
    func result(_ freeBytes: Int, files: Int? = nil, _ target: CheckupFacts.Target) throws
      -> Checkup.Check.Result
    {
      try check(.disk) {
        $0.target = target
        $0.disk?.freeBytes = freeBytes
        $0.disk?.freeFiles = files
      }.result
    }
    let embedded = CheckupFacts.Target.embedded(runsUnsandboxed: false)
    #expect(try result(100 << 20, .kubernetes) == .failed)
    #expect(try result(3 << 30, .kubernetes) == .ok)
    #expect(try result(3 << 30, embedded) == .warning)
    #expect(try result(1 << 30, .kubernetes) == .warning)
    #expect(try result(31 << 30, files: 12, embedded) == .failed)
    #expect(try check(.disk) { $0.disk = nil }.result == .skipped)
    #expect(Checkup.size(3 << 29) == "1.5 GiB")
    #expect(Checkup.size(31 << 30) == "31 GiB")
    #expect(Checkup.size(100 << 20) == "100 MiB")
  }

  @Test(
    "versions of libgit2 outside those that were tried are a warning",
    arguments: [
      ("1.4.6", false), ("1.5.0", true), ("1.9.1", true), ("1.10.0", false), ("2.0.0", false), ("?", false),
    ])
  func libgit2(_ version: String, _ isTried: Bool) throws {
    #expect(try check(.libgit2) { $0.versions.libgit2 = version }.result == (isTried ? .ok : .warning))
  }

  @Test("takes the flags of run, and a service account")
  func flags() throws {
    let command = try DoctorCommand.parse([
      "--repo", "u", "--context", "prod", "--installation", "x", "--service-account", "kdops-system/kdops",
      "-o", "json",
    ])
    #expect(command.options.flags == ["repo": "u", "installation": "x"])
    #expect(command.options.account == ObjectName(namespace: "kdops-system", name: "kdops"))
    #expect(command.options.selectsKubernetes([:]))
    #expect(try !DoctorCommand.parse(["--embedded=d"]).options.selectsKubernetes(["KDOPS_CONTEXT": "prod"]))
    #expect(throws: (any Error).self) { try DoctorCommand.parse(["--service-account", "kdops"]) }
  }

  @Test("a settings file that cannot be read is a failed check")
  func unreadable() throws {
    let options = try DoctorCommand.parse(["--config", "/nowhere/kdops.yaml"]).options
    #expect(
      options.configuration([:]).findings.map(\.message) == [
        "the settings file /nowhere/kdops.yaml cannot be read"
      ])
  }

  @Test("the facts of this machine are found, with a repository in a folder")
  func probe() async throws {
    let repository = try TemporaryRepository()
    let commit = try repository.commit(["a": "b"])
    let folder = try TemporaryFolder()
    let options = try DoctorCommand.parse([
      "--repo", repository.path, "--embedded=\(folder.path)/new/cluster",
    ]).options
    let facts = await CheckupProbe(options: options, environment: ["TMPDIR": folder.path]).facts()
    guard case .reached(_, let head) = facts.repository else {
      Issue.record("\(facts.repository)")
      return
    }
    #expect(head == commit)
    #expect(facts.disk?.isWritable == true)
    #expect(facts.versions.kernel.contains("."))
    #expect(facts.configurationProblems == [])
    let missing = try DoctorCommand.parse(["--repo", repository.path, "--branch", "none"]).options
    let other = await CheckupProbe(options: missing, environment: ["TMPDIR": folder.path]).facts()
    guard case .failed(let error) = other.repository else {
      Issue.record("\(other.repository)")
      return
    }
    #expect(error.kind == .missingBranch)
    #expect(error.hint?.contains("main") == true)
  }
}
