import FoundationEssentials
import TestSupport
import Testing
import Values

/// Whether this machine has an interpreter for Lua (Debian: lua5.4).
private let hasLua = (try? TemporaryRepository.run(["lua5.4", "-v"], in: nil)) != nil

@Suite("The health check for Argo CD", .enabled(if: hasLua))
struct ArgoHealthTests {
  /// The health and the message that the script returns for a cluster.
  private func health(_ cluster: JSON) throws -> (status: String, message: String) {
    let script = Project.file("docs/integrations/argo-cd/health.lua").path
    let program = """
      obj = \(Self.lua(cluster))
      local hs = dofile(arg[1])
      io.write(hs.status, "\\n", hs.message)
      """
    let folder = try TemporaryFolder()
    let path = "\(folder.path)/run.lua"
    try Data(program.utf8).write(to: URL(filePath: path))
    let lines = try TemporaryRepository.run(["lua5.4", path, script], in: nil)
      .split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    return (lines.first ?? "", lines.dropFirst().first ?? "")
  }

  /// A JSON value as Lua writes it.
  private static func lua(_ value: JSON) -> String {
    switch value {
    case .null: return "nil"
    case .bool(let value): return value ? "true" : "false"
    case .integer(let value): return "\(value)"
    case .number(let value): return "\(value)"
    case .string(let text):
      return "\"\(text.utf8.map(character).joined())\""
    case .array(let items): return "{\(items.map(lua).joined(separator: ", "))}"
    case .object(let members):
      var parts: [String] = []
      for (name, value) in members { parts.append("[\(lua(.string(name)))] = \(lua(value))") }
      return "{\(parts.joined(separator: ", "))}"
    }
  }

  /// A byte of a text in quotes.
  private static func character(_ byte: UInt8) -> String {
    let isPlain = (0x20..<0x7F).contains(byte) && byte != 0x22 && byte != 0x5C
    if isPlain { return String(Unicode.Scalar(byte)) }
    let digits = "\(byte)"
    return "\\\(String(repeating: "0", count: 3 - digits.count))\(digits)"
  }

  private func condition(_ type: String, _ status: Bool, _ reason: String, _ message: String = "") -> JSON {
    [
      "type": .string(type), "status": status ? "True" : "False", "reason": .string(reason),
      "message": .string(message),
    ]
  }

  private func cluster(_ conditions: JSON..., observed: Int = 3) -> JSON {
    [
      "metadata": ["generation": 3],
      "status": ["observedGeneration": JSON(observed), "conditions": .array(conditions)],
    ]
  }

  @Test("a cluster without a status is progressing")
  func new() throws {
    #expect(try health(["metadata": ["generation": 1]]).status == "Progressing")
    #expect(
      try health(["metadata": ["generation": 1], "status": ["state": "creating"]]).status == "Progressing")
  }

  @Test("a cluster that runs what git requests is healthy")
  func healthy() throws {
    let found = try health(
      cluster(
        condition("Ready", true, "Configured", "3 members run spark-1.0.0"),
        condition("Progressing", false, "Configured"), condition("Stalled", false, "NoTrouble")))
    #expect(found.status == "Healthy" && found.message == "3 members run spark-1.0.0")
  }

  @Test("an upgrade is progressing, with what it waits for")
  func upgrade() throws {
    let found = try health(
      cluster(
        condition("Ready", false, "MembersNotReady"),
        condition("Progressing", true, "Upgrading", "worker waits for worker-2"),
        condition("Stalled", false, "NoTrouble"), observed: 2))
    #expect(found.status == "Progressing" && found.message == "worker waits for worker-2")
  }

  @Test("a stalled cluster is degraded, also during an upgrade, with its message as it is")
  func stalled() throws {
    let message = "worker-2: \"ErrImagePull\"\n→ fix it \\ or revert"
    let found = try health(
      cluster(
        condition("Ready", true, "Configured"), condition("Progressing", false, "Stalled"),
        condition("Stalled", true, "ErrImagePull", message), observed: 2))
    #expect(found.status == "Degraded" && found.message == message)
  }

  @Test("a suspended cluster is suspended")
  func suspended() throws {
    let found = try health(
      cluster(
        condition("Ready", true, "Configured"), condition("Progressing", false, "Suspended", "remove it"),
        condition("Stalled", false, "NoTrouble"), observed: 2))
    #expect(found.status == "Suspended" && found.message == "remove it")
  }

  @Test("a spec that was not observed yet is progressing")
  func generation() throws {
    let conditions = [condition("Ready", true, "Configured"), condition("Progressing", false, "Configured")]
    #expect(try health(cluster(conditions[0], conditions[1], observed: 2)).status == "Progressing")
  }

  @Test(
    "a member that is down outside of a change is degraded if the reason is known",
    arguments: [
      ("MembersNotReady", "Progressing"), ("Updating", "Progressing"), ("CrashLoopBackOff", "Degraded"),
    ])
  func down(_ reason: String, _ status: String) throws {
    let found = try health(
      cluster(
        condition("Ready", false, reason, "worker-2 is down"), condition("Progressing", false, "Configured"),
        condition("Stalled", false, "NoTrouble")))
    #expect(found.status == status && found.message == "worker-2 is down")
  }
}
