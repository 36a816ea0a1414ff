import Diagnostics
import KubeDirector
import Rules
import Testing

@testable import Reconciler

@Suite("Restoring one object in a file")
struct FileRestorationTests {
  private static func restore(_ present: String, _ old: String, path: String = "clusters/all.yaml") -> String?
  {
    FileRestoration(
      object: .cluster("default", "a"), path: path, defaultNamespace: "default"
    ).content(of: Array(present.utf8), as: Array(old.utf8)).map { String(decoding: $0, as: UTF8.self) }
  }

  private static func a(_ version: String) -> String { Files.cluster("a", version) }
  private static func b(_ version: String) -> String { Files.cluster("b", version) }

  @Test("restores a file with a single object to the same bytes")
  func alone() {
    let old = "# Ours.\n---\n" + Self.a("1.0.0") + "# The end"
    #expect(Self.restore(Self.a("1.1.0"), old) == old)
  }

  @Test("changes only the object's document in a file with several", arguments: [true, false])
  func several(isFirst: Bool) {
    func file(_ a: String, _ b: String) -> String {
      isFirst ? a + "---\n# Theirs.\n" + b : "---\n" + b + "---\n" + a
    }
    let present = file(Self.a("1.1.0"), Self.b("1.1.0"))
    #expect(
      Self.restore(present, file(Self.a("1.0.0"), Self.b("1.0.0"))) == file(Self.a("1.0.0"), Self.b("1.1.0")))
    #expect(Self.restore(present, Self.a("1.0.0")) == file(Self.a("1.0.0"), Self.b("1.1.0")))
  }

  @Test("leaves a file alone if the object's lines cannot be identified")
  func refused() {
    let list = "apiVersion: v1\nkind: List\nitems: []\n"
    #expect(Self.restore(Self.a("1.1.0") + "---\n" + Self.b("1.1.0"), list) == nil)
    #expect(
      Self.restore("%YAML 1.1\n---\n" + Self.a("1.1.0") + "---\n" + Self.b("1.1.0"), Self.a("1.0.0")) == nil)
    #expect(
      Self.restore(Self.b("1.1.0"), Self.a("1.0.0")) == nil
        || Self.restore(Self.b("1.1.0"), Self.b("1.0.0")) == nil)
    #expect(Self.restore(Self.a("1.1.0"), Self.b("1.0.0")) == nil)
  }
}
