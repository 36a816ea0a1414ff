import ClusterAPI
import Glibc
import Testing

@testable import EmbeddedCluster

@Suite("The filter of system calls")
struct SystemCallFilterTests {
  @Test(
    "refuses kernel keys, Landlock, fanotify, and sockets that no network namespace separates",
    .enabled(
      if: Machine.hasBubblewrap && access("/usr/bin/python3", X_OK) == 0, "bubblewrap or python3 is missing"))
  func realCalls() async throws {
    let program = """
      call("add_key", 248, 217, b"user", b"name", b"value", 5, -3)
      call("request_key", 249, 218, b"user", b"name", 0, -3)
      call("keyctl", 250, 219, 0, -3, 0)
      call("landlock_create_ruleset", 444, 444, 0, 0, 1)
      call("landlock_add_rule", 445, 445, -1, 1, 0, 0)
      call("landlock_restrict_self", 446, 446, -1, 0)
      call("fanotify_init", 300, 262, 0x200, 0)
      call("userfaultfd", 323, 282, 1)
      call("kcmp", 312, 272, os.getpid(), os.getpid(), 1, 0, 0)
      call("syslog", 103, 116, 10, 0, 0)
      for family in [40, 38, 17, 44, 1, 2, 10, 16]:
        call(f"socket {family}", 41, 198, family, 3 if family == 16 else 1, 0)
      pair = (ctypes.c_int * 2)()
      call("socketpair 40", 53, 199, 40, 1, 0, pair)
      call("socketpair 1", 53, 199, 1, 1, 0, pair)
      """
    try await SystemCallProgram.run(program) { result in
      let calls = [
        "add_key", "request_key", "keyctl", "landlock_create_ruleset", "landlock_add_rule",
        "landlock_restrict_self", "fanotify_init", "userfaultfd", "kcmp", "syslog",
      ]
      let expected =
        calls.map { "\($0) ENOSYS" } + [40, 38, 17, 44].map { "socket \($0) EAFNOSUPPORT" }
        + [1, 2, 10, 16].map { "socket \($0) works" } + ["socketpair 40 EAFNOSUPPORT", "socketpair 1 works"]
      #expect(result.out.split(separator: "\n").map(String.init) == expected, "\(result.err)")
    }
  }

  /// The numbers of calls on one architecture, from the kernel's tables.
  struct Architecture: Sendable, CustomTestStringConvertible {
    var testDescription: String
    /// `AUDIT_ARCH_…`
    var id: UInt32
    var refused: [UInt32]
    var sockets: [UInt32]
    var read: UInt32
  }

  private static let landlock: [UInt32] = [444, 445, 446]
  static let architectures = [
    Architecture(
      testDescription: "x86_64", id: 0xC000_003E, refused: landlock + [248, 249, 250, 300, 323, 312, 103],
      sockets: [41, 53], read: 0),
    Architecture(
      testDescription: "i386", id: 0x4000_0003, refused: landlock + [286, 287, 288, 338, 374, 349, 103, 102],
      sockets: [359, 360], read: 3),
    Architecture(
      testDescription: "aarch64", id: 0xC000_00B7, refused: landlock + [217, 218, 219, 262, 282, 272, 116],
      sockets: [198, 199], read: 63),
    Architecture(
      testDescription: "arm", id: 0x4000_0028, refused: landlock + [309, 310, 311, 367, 388, 378, 103],
      sockets: [281, 288], read: 3),
  ]

  @Test("refuses the same calls on every architecture", arguments: architectures)
  func everyArchitecture(_ architecture: Architecture) {
    func result(_ call: UInt32, _ first: UInt64 = 0) -> UInt32? {
      Self.result(of: call, on: architecture.id, first: first)
    }
    let (allow, error): (UInt32, UInt32) = (0x7FFF_0000, 0x0005_0000)
    #expect(result(architecture.read) == allow)
    for call in architecture.refused { #expect(result(call) == error | UInt32(ENOSYS), "\(call)") }
    for call in architecture.sockets {
      for family in 0...46 as ClosedRange<UInt64> {
        let expected = [1, 2, 10, 16].contains(family) ? allow : error | UInt32(EAFNOSUPPORT)
        #expect(result(call, family) == expected, "\(call) \(family)")
        // The kernel reads only the low half.
        #expect(result(call, family | 1 << 32) == expected, "\(call) \(family)")
      }
    }
  }

  /// Runs the filter as the kernel does; nil if it is not a valid program.
  private static func result(of call: UInt32, on architecture: UInt32, first: UInt64) -> UInt32? {
    let bytes = SystemCallFilter.bytes
    func number(_ range: Range<Int>) -> UInt32 { bytes[range].reversed().reduce(0) { $0 << 8 | UInt32($1) } }
    let data: [UInt32: UInt32] = [
      0: call, 4: architecture, 16: UInt32(truncatingIfNeeded: first), 20: UInt32(first >> 32),
    ]
    var (loaded, next) = (UInt32(0), 0)
    while next + 8 <= bytes.count {
      let (code, value) = (number(next..<next + 2), number(next + 4..<next + 8))
      func jump(_ isTrue: Bool) -> Int { Int(bytes[next + (isTrue ? 2 : 3)]) * 8 }
      switch code {
      case 0x20: loaded = data[value] ?? 0
      case 0x06: return value
      case 0x15: next += jump(loaded == value)
      case 0x25: next += jump(loaded > value)
      default: return nil
      }
      next += 8
    }
    return nil
  }
}
