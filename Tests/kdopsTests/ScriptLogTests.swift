import ClusterAPI
import Testing
import Values

@testable import kdops

@Suite("The logs of a script")
struct ScriptLogTests {
  @Test("keep lines and tabs, and show other control characters")
  func text() {
    var text = ScriptText()
    let first = text.output(Array("a\tb\n\u{1B}[31mc\r\n".utf8))
    #expect(first == "a\tb\n\u{241B}[31mc\u{240D}\n")
    let ends = [text.endLine(), text.output(Array("no line feed".utf8)), text.output([]), text.endLine()]
    #expect(ends == ["", "no line feed", "", "\n"])
    let again = text.endLine()
    #expect(again == "")
  }

  @Test("keep a character whose bytes come one after another")
  func split() {
    let bytes = Array("aä€😀".utf8)
    for cut in 1..<bytes.count {
      var text = ScriptText()
      let parts = [text.output(Array(bytes[..<cut])), text.output(Array(bytes[cut...]))]
      #expect(parts.joined() == "aä€😀")
    }
    var text = ScriptText()
    let ends = [text.output([0x61, 0xE2, 0x82]), text.endLine(), text.output([0xFF])]
    #expect(ends == ["a", "\u{FFFD}\n", "\u{FFFD}"])
  }

  @Test("end if the pod is gone or was replaced, or no daemon runs")
  func end() {
    func pod(_ uid: String) -> Object {
      var pod = Object(.pods, namespace: "prod", name: "a-w-0")
      pod.json["metadata"]?["uid"] = .string(uid)
      return pod
    }
    let followed = FollowedPod(pod: pod("1"))
    #expect(followed.end(pod("1"), isDaemonAbsent: false) == nil)
    #expect(followed.end(nil, isDaemonAbsent: false)?.contains("is gone") == true)
    #expect(followed.end(pod("2"), isDaemonAbsent: false)?.contains("was replaced") == true)
    #expect(followed.end(pod("1"), isDaemonAbsent: true)?.contains("no daemon runs") == true)
    let lease = ObjectName(namespace: "kdops-system", name: "kdops-default")
    let end = FollowedPod(pod: pod("1"), lease: lease).end(pod("1"), isDaemonAbsent: true) ?? ""
    #expect(end.contains("the Lease \(lease)") && end.contains("--installation"))
  }
}
