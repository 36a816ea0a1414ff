import ClusterAPI
import Diagnostics
import Glibc
import Reports
import TestSupport
import Testing
import Values

@testable import kdops

@Suite("kdops report")
struct SupportBundleTests {
  private static let token = "opaque-token-0815"

  private func bundle(
    environment: [String: String] = [:], settings: [String: JSON] = [:], status: JSON? = nil,
    log: [String]? = nil
  ) -> SupportBundle {
    let checkup = Checkup(
      CheckupFacts(
        target: .none, configurationProblems: ["repo: https://bot:hunter2@git.example/x is refused"],
        branch: "main", repository: .notNamed, cluster: .notSelected, signatureProblems: [], scripts: nil,
        clock: CheckupFacts.Clock(now: 1_796_000_000), disk: nil, scriptDisk: 0,
        versions: CheckupFacts.Versions(
          kdops: "0.1.0", commit: "", swift: "6.3", isDebug: false, libgit2: "1.5.1", git: nil, kernel: "6.1")
      ))
    return SupportBundle(
      SupportBundle.Input(
        version: VersionCommand.json(commit: ""), settings: settings, environment: environment,
        checkup: checkup, status: status, log: log),
      filter: SecretFilter(secrets: [Self.token]))
  }

  private func file(_ name: String, _ bundle: SupportBundle) throws -> String {
    try #require(bundle.files.first { $0.name == name }).content
  }

  @Test("lists every file that it has, and what is left out, before anything is written")
  func contents() {
    #expect(bundle().files.map(\.name) == ["version.json", "configuration.json", "doctor.json"])
    let full = bundle(status: [:], log: ["one", "two"])
    #expect(full.files.map(\.name).suffix(2) == ["status.json", "log.txt"])
    for file in full.files {
      #expect(full.contents.contains { $0.contains("\(file.name) ") && $0.hasSuffix(file.description) })
    }
    #expect(full.contents.contains { $0.hasPrefix("Left out: credentials") })
    #expect(full.contents.contains { $0.contains("the last 2 lines") })
  }

  @Test("no file contains a secret, wherever it occurs")
  func secrets() throws {
    let stderr: JSON = [
      "lastStderr": "DB_PASSWORD is hunter2", "configErrorDetail": "hunter2", "state": "error",
    ]
    let status: JSON = [
      "clusters": [
        [
          "namespace": "prod", "name": "a",
          "status": [
            "roles": [["members": [["stateDetail": stderr]]]],
            "conditions": [["message": "GET https://bot:hunter2@r.example/: 401"]],
          ],
        ]
      ]
    ]
    let bundle = bundle(
      environment: [
        "KDOPS_GIT_TOKEN": Self.token, "KDOPS_GIT_PASSWORD": "hunter2", "KDOPS_GIT_PASWORD": "hunter2",
        "KDOPS_REPO": "https://bot:hunter2@git.example/x", "AWS_SECRET_ACCESS_KEY": "hunter2",
        "KDOPS_GIT_TOKEN_FILE": "/run/secrets/token",
      ],
      settings: ["repo": "https://bot:hunter2@git.example/x", "branch": "main"], status: status,
      log: [
        "event=request url=https://git.example/?token=hunter2", "sent \(Self.token) to the server",
        "-----BEGIN OPENSSH PRIVATE KEY-----", "hunter2", "-----END OPENSSH PRIVATE KEY-----", "end",
      ])
    for file in bundle.files {
      #expect(!file.content.contains("hunter2"), "\(file.name): \(file.content)")
      #expect(!file.content.contains(Self.token), "\(file.name)")
      #expect(!file.content.contains("AWS_"))
    }
    let configuration = try JSON.parse(file("configuration.json", bundle))
    #expect(configuration["environment"]?["KDOPS_GIT_TOKEN"]?.string == Redaction.mark)
    #expect(configuration["environment"]?["KDOPS_GIT_TOKEN_FILE"] == "/run/secrets/token")
    #expect(configuration["settings"]?["branch"] == "main")
    #expect(try file("log.txt", bundle).hasSuffix("to the server\n\(Redaction.mark)\nend\n"))
    let shown = try JSON.parse(file("status.json", bundle))
    #expect(shown["clusters"]?[0]?["name"] == "a")
  }

  @Test("a status has names and states of clusters, and not their specs")
  func status() {
    let cluster = Object(
      .clusters, namespace: "prod", name: "a",
      content: [
        "spec": ["env": "hunter2"],
        "status": [
          "state": "configured",
          "roles": [
            ["id": "r", "members": [["pod": "a-r-0", "authToken": "hunter2"]]]
          ],
          "sshKeys": ["x": "hunter2"], "spec": ["encryptedSecretKeys": ["k": "hunter2"]],
        ],
      ])
    let json = ReportCommand.json(
      StatusSnapshot(clusters: [cluster], daemon: DaemonState(.running)))
    #expect(!json.text().contains("hunter2"))
    #expect(json["clusters"]?[0]?["status"]?["state"] == "configured")
    #expect(json["daemon"]?["state"] == "running")
  }

  @Test("of labels and annotations only the keys are written")
  func pairs() throws {
    let bundle = bundle(
      environment: ["KDOPS_PODS_LABELS": "team=hunter2", "KDOPS_PODS_ANNOTATIONS": "hunter2"],
      settings: ["pods.annotations": ["vault/role": "hunter2"]])
    let text = try file("configuration.json", bundle)
    #expect(!text.contains("hunter2"), "\(text)")
    let configuration = try JSON.parse(text)
    #expect(configuration["settings"]?["pods.annotations"] == ["vault/role"])
    #expect(configuration["environment"]?["KDOPS_PODS_LABELS"] == ["team"])
  }

  @Test("a private key that is cut loses its body, and so does one in a status")
  func keys() {
    let body = String(repeating: "aGVsbG8w", count: 8)
    let filter = SecretFilter(secrets: [])
    let end = "-----END RSA PRIVATE KEY-----"
    let begin = "-----BEGIN RSA PRIVATE KEY-----"
    #expect(
      filter.lines([body, "aGk=", end, "level=info a"]) == [Redaction.mark, Redaction.mark, "level=info a"])
    #expect(filter.lines(["level=info a", "aGk=", end]) == ["level=info a", Redaction.mark])
    #expect(filter.lines([body, body]) == [Redaction.mark])
    #expect(filter.lines(["one", begin, body]) == ["one", Redaction.mark])
    #expect(filter.lines(["x \(begin)\\n\(body)\\n\(end)", "next"]) == [Redaction.mark, "next"])
    let json = filter.json(["message": .string("bad:\n\(begin)\n\(body)\n\(end)\nx")])
    #expect(!json.text().contains("aGVsbG8w"), "\(json.text())")
    #expect(json["message"]?.string?.hasPrefix("bad:") == true)
  }

  @Test("only the user can read the files")
  func mode() throws {
    let folder = try TemporaryFolder()
    try ReportCommand.write(bundle(), to: "\(folder.path)/report")
    var info = stat()
    #expect(stat("\(folder.path)/report/version.json", &info) == 0)
    #expect(info.st_mode & 0o777 == 0o600)
  }

  @Test("the last lines of a log are read, without an incomplete first one")
  func tail() throws {
    let folder = try TemporaryFolder()
    let path = "\(folder.path)/log"
    try write("one\ntwo\nthree\n", to: path)
    #expect(try LogTail.lines(of: path, last: 2) == ["two", "three"])
    #expect(try LogTail.lines(of: path, last: 9) == ["one", "two", "three"])
    let long = (0..<600_000).map { "line \($0)" }
    try write(long.joined(separator: "\n"), to: path)
    let last = try LogTail.lines(of: path, last: 1_000_000)
    #expect(last.last == "line 599999")
    #expect(last.count < long.count)
    #expect(last.first?.hasPrefix("line ") == true)
    #expect(throws: LogTail.Failure.self) { try LogTail.lines(of: "\(folder.path)/none", last: 1) }
  }

  private func write(_ text: String, to path: String) throws {
    let file = try #require(fopen(path, "w"))
    fputs(text, file)
    fclose(file)
  }

  @Test("credentials are read from the environment and its files, to be removed")
  func known() throws {
    let folder = try TemporaryFolder()
    try write("from-a-file\n", to: "\(folder.path)/token")
    try write("of-the-forge", to: "\(folder.path)/forge")
    try write("of-the-chat", to: "\(folder.path)/slack")
    let values = KnownSecrets.values(
      [
        "KDOPS_GIT_TOKEN_FILE": "\(folder.path)/token", "KDOPS_GIT_PASSWORD": "in-the-environment",
        "KDOPS_GIT_SSH_PASSPHRASE_FILE": "\(folder.path)/missing",
      ],
      files: KnownSecrets.files([
        "forge.tokenFile": .string("\(folder.path)/forge"),
        "notifications": [["name": "ops", "urlFile": .string("\(folder.path)/slack")]],
      ]))
    #expect(Set(values) == ["from-a-file", "in-the-environment", "of-the-chat", "of-the-forge"])
  }

  @Test("contradicting flags are refused")
  func flags() throws {
    #expect(try ReportCommand.parse(["--list", "--log", "-"]).list)
    for wrong in [["--lines", "0"], ["--to", ""]] {
      #expect(throws: (any Error).self, "\(wrong)") { try ReportCommand.parse(wrong) }
    }
  }
}
