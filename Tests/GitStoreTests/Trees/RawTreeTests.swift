import Testing

@testable import GitStore

@Suite("The bytes of tree objects")
struct RawTreeTests {
  private func read(_ bytes: [UInt8]) throws -> [String] {
    var names: [String] = []
    try bytes.withUnsafeBytes { buffer in
      var cursor = TreeCursor(buffer)
      try cursor.advance()
      while let entry = cursor.current {
        names.append("\(String(entry.mode, radix: 8)) \(String(decoding: entry.name, as: UTF8.self))")
        try cursor.advance()
      }
    }
    return names
  }

  private func entry(_ text: String) -> [UInt8] { Array(text.utf8) + [0] + Array(repeating: 7, count: 20) }

  @Test("entries are read one after another")
  func reading() throws {
    #expect(try read([]).isEmpty)
    #expect(try read(entry("100644 a") + entry("40000 b")) == ["100644 a", "40000 b"])
    // A folder is sorted as if its name ended in a slash.
    #expect(try read(entry("100644 a.b") + entry("40000 a") + entry("100644 a0")).count == 3)
  }

  @Test("bytes that are no tree are reported as malformed")
  func malformed() {
    for bytes in [
      Array("100644".utf8), Array("100644 a".utf8), Array(entry("100644 a").dropLast()), entry("10x644 a"),
      entry(" a"), entry("77777777 a"), entry("100644 b") + entry("100644 a"),
      entry("100644 a") + entry("100644 a"),
      [0], Array(repeating: 0x31, count: 100),
    ] {
      let error = #expect(throws: GitError.self) { try read(bytes) }
      #expect(error?.kind == .malformed)
    }
  }

  @Test("random bytes are read or reported as malformed, without a crash")
  func fuzz() {
    var random = SplitMix(state: 0x5eed)
    let whole = entry("100644 a") + entry("40000 b") + entry("120000 c") + entry("160000 d")
    for _ in 0..<20_000 {
      var bytes = whole
      for _ in 0..<Int(random.next() % 4) {
        bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
      }
      bytes = Array(bytes.prefix(Int(random.next() % UInt64(whole.count + 1))))
      do {
        #expect(try read(bytes).count <= 4)
      } catch {
        #expect((error as? GitError)?.kind == .malformed)
      }
    }
  }
}

/// Random numbers that are the same in every run.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
