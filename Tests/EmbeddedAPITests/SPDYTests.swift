import ClusterAPI
import Testing

@testable import EmbeddedAPI

@Suite("Commands over SPDY")
struct SPDYTests {
  /// The header blocks by which a client opens its streams, compressed by zlib.
  private static let blocks: [(channel: UInt8, bytes: String)] = [
    (ExecMessage.Channel.error, "78f9e3c6a7c202a62346703a2b294a4dcc851625aca9a08006000000ffff"),
    (ExecMessage.Channel.stdin, "c22e555c02cc2e00000000ffff"),
    (ExecMessage.Channel.stdout, "c22a054ce729f9a52500000000ffff"),
    (ExecMessage.Channel.stderr, "c229073414000000ffff"),
  ]

  private static func bytes(_ hex: String) -> [UInt8] {
    let digits = Array(hex.utf8)
    return stride(from: 0, to: digits.count - 1, by: 2).compactMap {
      UInt8(String(decoding: digits[$0...$0 + 1], as: UTF8.self), radix: 16)
    }
  }

  private static func opening(_ index: Int, flags: UInt8 = 0) -> [UInt8] {
    let block = bytes(blocks[index].bytes)
    let head: [UInt8] = [0x80, 3, 0, 1, flags, 0, 0, UInt8(10 + block.count)]
    return head + [0, 0, 0, UInt8(1 + 2 * index), 0, 0, 0, 0, 0, 0] + block
  }

  private static func call(_ query: String) throws -> ExecCall {
    let target = "/api/v1/namespaces/n/pods/p/exec?command=sh&stdout=true&stderr=true\(query)"
    let request = try #require(APIRequest(method: "POST", target: target))
    return try #require(try ExecCall(request))
  }

  @Test("the dictionary is that of SPDY/3")
  func dictionary() {
    #expect(SPDYHeaders.dictionary.count == 1423)
    #expect(Inflater.checksum(SPDYHeaders.dictionary) == 0xE3C6_A7C2)
  }

  @Test("headers are decompressed with what was sent before them")
  func headers() throws {
    var inflater = Inflater(dictionary: SPDYHeaders.dictionary)
    let types = try Self.blocks.map { block in
      SPDYHeaders.parse(try inflater.message(Self.bytes(block.bytes), limit: 1000))?["streamtype"]
    }
    #expect(types == ["error", "stdin", "stdout", "stderr"])
  }

  @Test("blocks with fixed and with own codes are decompressed")
  func codes() throws {
    var fixed = Inflater(dictionary: [])
    let short = try fixed.message(Self.bytes("78014a4c4a4e444200000000ffff"), limit: 15)
    #expect(String(decoding: short, as: UTF8.self) == "abcabcabcabcabc")
    let line = "the quick brown fox jumps over the lazy dog; "
    let text = (0..<60).map { "\($0 * 7919 % 1000) \(line.dropFirst($0 % 11))" }.joined()
    let compressed = """
      78da94d5d74d04301084e156b6046ff68a6a084786231da97a242a9879f6ff60e9b3354b3e6e0ff27ababb7c908bb7e3d7b3\
      5c1fbfe5fef4f4f22ec7cfc3dbfff1e3f9ef8f5c1d6fce647484e9b76f21f2ce16bcae2e3cce49815b0d01d37017acf43481\
      426b15a4d35950b68633b64d114f3443bcab08e2de49c42b60e2324789330c248e528cd8f782886d06ca7473c4ea4d196731\
      c4d34910ef0922568789db0d25ae5490387b61c4b107228eb5a117634dfee2288a582ba96f1c04b1136fc74cf03b280adcb5\
      041d95117050b66063d2d8901407ec9914b07530c03a4e08ab1a717385892797c0c332828eca1670505ab031296c4892238e\
      0a8ad8b733c4be8c2036533cfe030000ffff
      """
    var dynamic = Inflater(dictionary: [])
    let long = try dynamic.message(Self.bytes(compressed), limit: 4096)
    #expect(String(decoding: long, as: UTF8.self) == text)
    var limited = Inflater(dictionary: [])
    #expect(throws: InflateError.isTooLarge) { try limited.message(Self.bytes(compressed), limit: 2646) }
  }

  @Test("every shortened or changed block is refused or decompressed, within the limit")
  func hostileBlocks() {
    let block = Self.bytes(Self.blocks[0].bytes)
    for index in block.indices {
      for byte in UInt8.min...UInt8.max {
        var changed = block
        changed[index] = byte
        var inflater = Inflater(dictionary: SPDYHeaders.dictionary)
        let output = try? inflater.message(changed, limit: 100)
        #expect((output?.count ?? 0) <= 100)
      }
      var inflater = Inflater(dictionary: SPDYHeaders.dictionary)
      _ = try? inflater.message(Array(block[..<index]), limit: 100)
    }
  }

  @Test(
    "a command runs once all streams are open and standard input has ended, in whatever parts they arrive")
  func session() throws {
    var session = SPDYSession(try Self.call("&stdin=true"))
    let input: [UInt8] = [0, 0, 0, 3, 0, 0, 0, 2, 104, 105] + [0, 0, 0, 3, 1, 0, 0, 0]
    let all = Self.opening(0) + Self.opening(1) + Self.opening(2) + Self.opening(3) + input
    var answers: [UInt8] = []
    for byte in all {
      #expect(!session.isReady)
      answers += try session.receive([byte])
    }
    #expect(session.isReady)
    #expect(session.stdin == Array("hi".utf8))
    // Replies to the streams 1, 3, 5 and 7, the first of which begins the compressed stream.
    let begin: [UInt8] = [0x80, 3, 0, 2, 0, 0, 0, 20, 0, 0, 0, 1, 0x78, 1, 0, 4]
    #expect(Array(answers.prefix(begin.count)) == begin)
    #expect(answers.count == 28 + 3 * 26)
    #expect(session.frame([1, 65]) == [0, 0, 0, 5, 0, 0, 0, 1, 65])
    #expect(session.frame([3, 65]) == [0, 0, 0, 1, 0, 0, 0, 1, 65])
    #expect(session.end.count == 4 * 8)
  }

  @Test("a ping is answered, and a second stream of a type is refused")
  func answers() throws {
    var session = SPDYSession(try Self.call(""))
    let ping: [UInt8] = [0x80, 3, 0, 6, 0, 0, 0, 4, 0, 0, 0, 1]
    let pong = try session.receive(ping)
    #expect(pong == ping)
    _ = try session.receive(Self.opening(0))
    // Standard input was not announced.
    let refusal = try session.receive(Self.opening(1))
    #expect(refusal == [0x80, 3, 0, 3, 0, 0, 0, 8, 0, 0, 0, 3, 0, 0, 0, 3])
  }

  @Test(
    "a frame that is too large, of another version or malformed ends the connection",
    arguments: [
      [0, 0, 0, 1, 0, 0xFF, 0xFF, 0xFF], [0x80, 2, 0, 1, 0, 0, 0, 0], [0x80, 3, 0, 1, 0, 0, 0, 0],
      [0x80, 3, 0, 8, 0, 0, 0, 0], [0x80, 3, 0, 6, 0, 0, 0, 0],
      [0x80, 3, 0, 1, 0, 0, 0, 11, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 9],
    ])
  func malformed(bytes: [UInt8]) throws {
    var session = SPDYSession(try Self.call(""))
    var isRefused = false
    do { _ = try session.receive(bytes) } catch { isRefused = true }
    #expect(isRefused)
  }

  @Test("more standard input than is carried ends the command")
  func largeInput() throws {
    var session = SPDYSession(try Self.call("&stdin=true"))
    _ = try session.receive(Self.opening(0) + Self.opening(1))
    let part = SPDYFrame.data(3, [UInt8](repeating: 0, count: 128 << 10), isEnd: false)
    for _ in 0..<8 { _ = try session.receive(part) }
    var refusal: APIFailure?
    do { _ = try session.receive(part) } catch { refusal = error }
    #expect(refusal?.message.contains("standard input has more than") == true)
  }
}
