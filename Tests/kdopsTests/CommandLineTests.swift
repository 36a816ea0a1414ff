import ArgumentParser
import ClusterAPI
import Diagnostics
import Logging
import Testing

@testable import kdops

@Suite("The command line")
struct CommandLineTests {
  @Test("--embedded takes a folder, or uses the default one")
  func embedded() throws {
    #expect(try RunCommand.parse(["--repo", "x", "--embedded=/srv/kdops"]).cluster.embedded == "/srv/kdops")
    #expect(try RunCommand.parse(["--embedded", "--repo", "x"]).cluster.embedded == EmbeddedFolder.standard)
    #expect(try RunCommand.parse(["--repo", "x"]).cluster.embedded == nil)
    let status = try StatusCommand.parse(["prod/analytics", "--embedded=d", "--format", "json"])
    #expect(status.name == "prod/analytics")
    #expect(status.cluster.embedded == "d")
  }

  @Test("a Kubernetes is selected by flag or environment, and never together with an embedded cluster")
  func kubernetes() throws {
    let named = try RunCommand.parse(["--repo", "x", "--kubeconfig", "/k", "--context", "prod"]).cluster
    #expect(named.folder(["KDOPS_EMBEDDED": "/srv"]) == nil)
    #expect(named.namesKubernetes([:]))
    #expect(named.connection([:]).kubeconfig == "/k")
    #expect(named.connection([:]).context == "prod")
    let silent = try RunCommand.parse(["--repo", "x"]).cluster
    #expect(silent.folder(["KDOPS_EMBEDDED": "/srv"]) == "/srv")
    #expect(!silent.namesKubernetes(["KDOPS_EMBEDDED": "/srv"]))
    #expect(silent.connection(["KDOPS_KUBECONFIG": "/k"]).kubeconfig == "/k")
    #expect(!silent.connection([:]).allowsExecPlugins)
    #expect(throws: (any Error).self) {
      try RunCommand.parse(["--repo", "x", "--embedded=/srv", "--context", "prod"])
    }
  }

  @Test("KUBECONFIG selects a cluster for commands that git cannot answer, but not for status")
  func kubeconfigVariable() throws {
    let silent = try WaitCommand.parse(["prod/a"]).cluster
    #expect(silent.selectsKubernetes(["KUBECONFIG": "/k"]))
    #expect(!silent.namesKubernetes(["KUBECONFIG": "/k"]))
    for environment in [[:], ["KUBECONFIG": ""], ["KUBECONFIG": "/k", "KDOPS_EMBEDDED": "/srv"]] {
      #expect(!silent.selectsKubernetes(environment), "\(environment)")
    }
    let embedded = try WaitCommand.parse(["prod/a", "--embedded=/srv"]).cluster
    #expect(!embedded.selectsKubernetes(["KUBECONFIG": "/k"]))
    #expect(try LogsCommand.parse(["prod/a", "--context", "c"]).cluster.selectsKubernetes([:]))
  }

  @Test("--admission takes an address or the default one, and requires Kubernetes")
  func admission() throws {
    let usual = try RunCommand.parse(["--repo", "x", "--admission"]).admission
    #expect(usual.isAsked)
    #expect(AdmissionOptions.address(usual.admission ?? "").map(\.port) == 9443)
    #expect(AdmissionOptions.address("[::1]:8443").map(\.host) == "::1")
    #expect(AdmissionOptions.host("https://[::1]:8443/admit") == "::1")
    #expect(try !RunCommand.parse(["--repo", "x"]).admission.isAsked)
    for wrong in [
      ["--admission=nowhere"], ["--admission=:9443"], ["--admission=a:0"],
      ["--admission-url", "http://a/admit"],
      ["--admission-url", "https://a/"], ["--admission", "--embedded=/srv"],
    ] {
      #expect(throws: (any Error).self) { try RunCommand.parse(["--repo", "x"] + wrong) }
    }
  }

  @Test("--serve-api takes a loopback address or any port, and requires an embedded cluster")
  func api() throws {
    let run = ["--repo", "x", "--embedded=/srv"]
    #expect(try RunCommand.parse(run).api.serveAPI == nil)
    #expect(try RunCommand.parse(run + ["--serve-api"]).api.serveAPI == APIOptions.standard)
    let given = try RunCommand.parse(run + ["--serve-api=[::1]:6443"]).api.serveAPI
    #expect(given.flatMap(APIOptions.address)?.host == "::1")
    for wrong in [
      run + ["--serve-api=0.0.0.0:6443"], run + ["--serve-api=a"],
      ["--repo", "x", "--context=c", "--serve-api"],
    ] {
      #expect(throws: (any Error).self) { try RunCommand.parse(wrong) }
    }
    #expect(try SandboxCommand.parse(["/srv", "--repo", "fleet"]).folder == "/srv")
    #expect(throws: (any Error).self) { try SandboxCommand.parse(["--listen", "10.0.0.1:6443"]) }
  }

  @Test("the default folder is the user's state folder")
  func usualFolder() {
    #expect(EmbeddedFolder.path("", ["HOME": "/home/a"]) == "/home/a/.local/state/kdops")
    #expect(EmbeddedFolder.path("", ["XDG_STATE_HOME": "/state", "HOME": "/home/a"]) == "/state/kdops")
    #expect(EmbeddedFolder.path("/srv", ["HOME": "/home/a"]) == "/srv")
  }

  @Test(
    "contradicting flags are refused",
    arguments: [
      ["--staged", "--base", "HEAD~1"], ["--head", "HEAD"], ["--format", "xml"], ["a", "b"],
    ])
  func validate(_ arguments: [String]) {
    #expect(throws: (any Error).self) { try ValidateCommand.parse(arguments) }
  }

  @Test("reports are written to files in addition to the output")
  func reports() throws {
    let command = try ValidateCommand.parse(
      ["--format", "github", "--report", "junit=out/kdops.xml", "--report", "sarif=a=b"])
    #expect(command.format == .github)
    #expect(command.report.map(\.format) == [.junit, .sarif])
    #expect(command.report.map(\.path) == ["out/kdops.xml", "a=b"])
    for wrong in ["junit", "junit=", "xml=a", "=a"] {
      #expect(throws: (any Error).self) { try ValidateCommand.parse(["--report", wrong]) }
    }
  }

  @Test("a cluster is named with its namespace", arguments: ["analytics", "a/b/c", "/b", "a/", ""])
  func name(_ name: String) {
    #expect(throws: (any Error).self) { try StatusCommand.parse([name]) }
  }

  @Test("values of short options are attached, separate or after an equals sign, as in kubectl")
  func shortOptions() throws {
    for words in [["-nprod"], ["-n=prod"], ["-n", "prod"]] {
      #expect(try StatusCommand.parse(words).namespace.namespace == "prod", "\(words)")
      #expect(try EventsCommand.parse(words).namespace.namespace == "prod", "\(words)")
      #expect(try WaitCommand.parse(["a"] + words).namespace.namespace == "prod", "\(words)")
    }
    for words in [["-ojson"], ["-o=json"], ["-o", "json"]] {
      #expect(try StatusCommand.parse(words).format == .json, "\(words)")
      #expect(try DiffCommand.parse(words).format == .json, "\(words)")
    }
  }

  @Test("no flag takes a secret")
  func secrets() {
    let help = RunCommand.helpMessage()
    for word in ["--token", "--password", "--key", "--secret"] { #expect(!help.contains(word)) }
  }

  @Test("log level and format come from flags, else from the environment, and an invalid value is named")
  func logging() throws {
    let console = Console(descriptor: 2, environment: [:])
    let environment = ["KDOPS_LOG_LEVEL": "debug"]
    #expect(try LogOptions.parse([]).logger(to: console, standard: .info, environment).logLevel == .debug)
    #expect(
      try LogOptions.parse(["--log-level", "error"]).logger(to: console, standard: .info, environment)
        .logLevel
        == .error)
    #expect(throws: ValidationError.self) {
      try LogOptions.parse([]).logger(to: console, standard: .info, ["KDOPS_LOG_FORMAT": "xml"])
    }
  }

  @Test("help lists only commands that exist")
  func commands() {
    #expect(
      Kdops.configuration.subcommands.map { $0.configuration.commandName ?? "" }
        == [
          "demo", "run", "sandbox", "validate", "plan", "rehearse", "status", "wait", "logs", "events",
          "diff", "sync", "suspend", "resume", "retry", "hook", "install", "import", "doctor", "report",
          "version",
        ])
  }

  @Test("commands take a cluster with its namespace, and retry also a pod")
  func names() throws {
    #expect(ControlTarget("prod/a/a-worker-2")?.pod == "a-worker-2")
    #expect(ControlTarget("prod/a") == ControlTarget("prod/a"))
    for wrong in ["a", "", "a/", "/a", "a/b/c/d", "a//c"] { #expect(ControlTarget(wrong) == nil) }
    #expect(try RetryCommand.parse(["prod/a/a-worker-2", "--embedded=/d"]).target == "prod/a/a-worker-2")
    for wrong in [
      ["suspend", "prod/a/pod"], ["resume", "a"], ["retry", "a"], ["sync", "--accept", "main"],
    ] {
      #expect(throws: (any Error).self) { try Kdops.parseAsRoot(wrong) }
    }
  }

  @Test("the flags that name a cluster can be copied into a shell, whatever the folder is called")
  func flags() throws {
    #expect(
      try SyncCommand.parse(["--embedded=/srv/it's here"]).cluster.flags == " --embedded='/srv/it'\\''s here'"
    )
    #expect(
      try SyncCommand.parse(["--kubeconfig", "/k", "--context", "prod"]).cluster.flags
        == " --kubeconfig=/k --context=prod")
    #expect(try SyncCommand.parse([]).cluster.flags == "")
  }

  @Test("-n and -A select clusters by namespace, as in kubectl")
  func namespaces() throws {
    func selection(_ words: String...) throws -> ClusterSelection {
      let command = try StatusCommand.parse(words)
      return try command.namespace.selection(command.name)
    }
    let analytics = ClusterSelection.cluster(ObjectName(namespace: "prod", name: "analytics"))
    #expect(try selection() == .all)
    #expect(try selection("-A") == .all)
    #expect(try selection("-n", "prod") == .namespace("prod"))
    #expect(try selection("analytics", "--namespace", "prod") == analytics)
    #expect(try selection("prod/analytics", "-n", "prod") == analytics)
    #expect(try selection("prod/analytics") == analytics)
    for wrong in [
      ["-A", "-n", "prod"], ["analytics"], ["-A", "prod/analytics"], ["dev/analytics", "-n", "prod"],
      ["-n", ""],
    ] { #expect(throws: (any Error).self, "\(wrong)") { try StatusCommand.parse(wrong) } }
    #expect(try RetryCommand.parse(["a/a-w-2", "-n", "prod"]).namespace.target("a/a-w-2").pod == "a-w-2")
    #expect(throws: (any Error).self) { try Kdops.parseAsRoot(["suspend", "a/pod", "-n", "prod"]) }
  }

  @Test("-o and --output select the format, as --format does")
  func formats() throws {
    for words in [["-o", "yaml"], ["--output", "yaml"], ["--format", "yaml"], ["-oyaml"]] {
      #expect(try StatusCommand.parse(words).format == .yaml)
    }
    #expect(try (Kdops.parseAsRoot(["get", "-o", "name"]) as? StatusCommand)?.format == .name)
    #expect(try DiffCommand.parse(["-o", "json"]).format == .json)
    #expect(try StatusCommand.parse(["--color", "always"]).screen.console(1, [:]).isColoured)
    #expect(throws: (any Error).self) { try StatusCommand.parse(["--watch", "--exit-code"]) }
  }

  @Test("wait takes a condition and a time limit")
  func wait() throws {
    #expect(try WaitCommand.parse(["prod/a"]).goal == .configured)
    #expect(try WaitCommand.parse(["prod/a", "--for", "done=HEAD"]).goal == .done("HEAD"))
    for wrong in [["--for", "ready"], ["--for", "done="], ["--timeout", "soon"]] {
      #expect(throws: (any Error).self) { try WaitCommand.parse(["prod/a"] + wrong) }
    }
  }

  @Test("a mistyped command is named with the nearest one, also after help")
  func mistyped() throws {
    for words in [["stauts"], ["help", "stauts"]] {
      #expect(CommandSuggestion.problem(words)?.contains("did you mean `kdops status`?") == true)
    }
    #expect(CommandSuggestion.problem(["hook", "isntall"])?.contains("`kdops hook install`") == true)
    for words in [
      [], ["--help"], ["help"], ["help", "status"], ["get"], ["status", "x"], ["hook", "help"],
    ] {
      #expect(CommandSuggestion.problem(words) == nil, "\(words)")
    }
  }
}
