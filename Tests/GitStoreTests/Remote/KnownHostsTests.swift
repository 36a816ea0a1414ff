import Foundation
import TestSupport
import Testing

@testable import GitStore

@Suite("known_hosts")
struct KnownHostsTests {
  /// A key in SSH's wire form: its type, and arbitrary bytes.
  private func key(_ type: String, _ byte: UInt8 = 1) -> [UInt8] {
    [0, 0, 0, UInt8(type.utf8.count)] + Array(type.utf8) + Array(repeating: byte, count: 32)
  }

  private func line(_ hosts: String, _ key: [UInt8]) -> String {
    "\(hosts) \(KnownHosts.type(of: key)) \(Data(key).base64EncodedString()) comment\n"
  }

  @Test("a key is known only under the names of its line")
  func names() {
    let key = key("ssh-ed25519")
    let hosts = KnownHosts(
      "# comment\n\n" + line("example.org,10.0.0.1", key) + line("*.corp.example,!bad.corp.example", key)
        + line("[git.example.org]:2222", key))
    for (host, port) in [
      ("example.org", 22), ("EXAMPLE.org", 22), ("10.0.0.1", 22), ("x.corp.example", 22),
      ("git.example.org", 2222),
    ] {
      #expect(hosts.judge(host: host, port: port, key: key) == .known)
    }
    for (host, port) in [
      ("example.org", 2222), ("bad.corp.example", 22), ("corp.example", 22), ("git.example.org", 22),
      ("", 22),
    ] {
      #expect(hosts.judge(host: host, port: port, key: key) == .unknownHost)
    }
  }

  @Test("another key, another type of key and a revoked key get different verdicts")
  func verdicts() {
    let (one, two, other) = (key("ssh-ed25519", 1), key("ssh-ed25519", 2), key("ecdsa-sha2-nistp256"))
    let hosts = KnownHosts(
      line("a", one) + "@revoked " + line("*", two) + "@cert-authority " + line("*", other))
    #expect(hosts.judge(host: "a", port: 22, key: one) == .known)
    #expect(hosts.judge(host: "a", port: 22, key: key("ssh-ed25519", 3)) == .changed)
    #expect(hosts.judge(host: "a", port: 22, key: other) == .otherType(known: ["ssh-ed25519"]))
    #expect(hosts.judge(host: "a", port: 22, key: two) == .revoked)
    #expect(hosts.judge(host: "b", port: 22, key: other) == .unknownHost)
  }

  @Test(
    "hashed names, as ssh-keygen -H writes them", .enabled(if: Tools.has("ssh-keygen"), "needs ssh-keygen"))
  func hashed() throws {
    let folder = try TemporaryFolder()
    let one = key("ssh-ed25519")
    try TemporaryRepository.run(["ssh-keygen", "-q", "-N", "", "-t", "ed25519", "-f", "k"], in: folder.path)
    let real = try String(contentsOfFile: folder.path + "/k.pub", encoding: .utf8)
    try Data("example.org \(real)[example.org]:2222 \(real)".utf8).write(
      to: URL(fileURLWithPath: folder.path + "/hosts"))
    try TemporaryRepository.run(["ssh-keygen", "-q", "-H", "-f", "hosts"], in: folder.path)
    let text = try String(contentsOfFile: folder.path + "/hosts", encoding: .utf8)
    #expect(text.hasPrefix("|1|") && !text.contains("example.org"))
    let hosts = KnownHosts(text)
    let bytes = try #require(Data(base64Encoded: String(real.split(separator: " ")[1])))
    #expect(hosts.judge(host: "example.org", port: 22, key: Array(bytes)) == .known)
    #expect(hosts.judge(host: "example.org", port: 2222, key: Array(bytes)) == .known)
    #expect(hosts.judge(host: "example.net", port: 22, key: Array(bytes)) == .unknownHost)
    #expect(hosts.judge(host: "example.org", port: 22, key: one) == .changed)
  }

  @Test(
    "a key of a forgeable type is refused even if it is listed",
    .enabled(if: Tools.has("ssh-keygen"), "needs ssh-keygen"),
    arguments: [("1024", "an RSA key of 1024 bits"), ("2047", "an RSA key of 2047 bits"), ("2048", nil)])
  func weak(bits: String, kind: String?) throws {
    let folder = try TemporaryFolder()
    try TemporaryRepository.run(
      ["ssh-keygen", "-q", "-N", "", "-t", "rsa", "-b", bits, "-f", "k"], in: folder.path)
    let real = try String(contentsOfFile: folder.path + "/k.pub", encoding: .utf8)
    let bytes = Array(try #require(Data(base64Encoded: String(real.split(separator: " ")[1]))))
    let verdict = KnownHosts("a \(real)").judge(host: "a", port: 22, key: bytes)
    #expect(verdict == kind.map(KnownHosts.Verdict.weak) ?? .known)
    let dsa = key("ssh-dss")
    #expect(KnownHosts(line("a", dsa)).judge(host: "a", port: 22, key: dsa) == .weak("a DSA key"))
    let broken = key("ssh-rsa", 255)
    #expect(
      KnownHosts(line("a", broken)).judge(host: "a", port: 22, key: broken) == .weak("a damaged RSA key"))
  }

  @Test("malformed lines trust no key")
  func rubbish() {
    let key = key("ssh-ed25519")
    for text in [
      "a", "a ssh-ed25519", "a ssh-ed25519 %%%", "|1|x|y ssh-ed25519 AAAA", "|1| ssh-ed25519 AAAA",
      "@x a b c", "\u{0}\n,,, x AAAA",
    ] {
      #expect(KnownHosts(text).judge(host: "a", port: 22, key: key) == .unknownHost)
    }
    #expect(KnownHosts.type(of: [0, 0, 0, 200, 1]) == "")
    #expect(KnownHosts.type(of: []) == "")
    #expect(KnownHosts.type(of: [0xff, 0xff, 0xff, 0xff]) == "")
  }
}
