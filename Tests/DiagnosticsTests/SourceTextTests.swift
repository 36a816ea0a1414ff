import Diagnostics
import Testing

@Suite("Lines and columns of a file")
struct SourceTextTests {
  let text = SourceText(Array("one\r\nzwö 😀 x\n\nlast".utf8))

  @Test("lines are returned without line ends")
  func lines() {
    #expect((0...5).map { text.line($0) } == [nil, "one", "zwö 😀 x", "", "last", nil])
    #expect(SourceText([]).line(1) == "")
    #expect(SourceText([]).line(2) == nil)
  }

  @Test("a byte order mark is not part of the first line")
  func byteOrderMark() {
    let marked = SourceText(Array("\u{FEFF}one\ntwo".utf8))
    #expect(marked.line(1) == "one")
    #expect(marked.position(ofByte: 2) == (1, 3))
  }

  @Test(
    "columns are Unicode scalars",
    arguments: [(0, 1, 1), (5, 2, 1), (8, 2, 4), (10, 2, 5), (14, 2, 6), (17, 3, 1)])
  func positions(offset: Int, line: Int, column: Int) {
    #expect(text.position(ofByte: offset) == (line, column))
  }

  @Test("a position in a long line equals the one from counting its scalars", arguments: ["x", "ö", "😀x"])
  func longLine(unit: String) {
    let line = String(repeating: unit, count: 3000)
    let text = SourceText(Array("first\n\(line)\nlast".utf8))
    for offset in [0, 1, 1023, 1024, 1025, 2047, 2048, 2999] {
      let before = String(decoding: Array(line.utf8)[..<offset], as: UTF8.self)
      #expect(text.position(ofByte: 6 + offset) == (2, before.unicodeScalars.count + 1))
    }
    #expect(text.position(ofByte: 6 + line.utf8.count + 1) == (3, 1))
  }

  @Test("a file that is not UTF-8 has positions too")
  func notUTF8() {
    let text = SourceText([0xFF, 0x61, 0xFF, 0x62])
    #expect(text.position(ofByte: 3) == (1, 4))
  }

  @Test("a position beyond the end is the end")
  func pastTheEnd() {
    #expect(text.position(ofByte: 10_000) == (4, 5))
    #expect(text.position(ofByte: -1) == (1, 1))
    #expect(text.location(file: "f", from: 99, to: 120) == SourceLocation(file: "f", line: 4, column: 5))
  }

  @Test("the number of a scalar gives its byte offset")
  func scalars() {
    #expect([0, 5, 9, 10, 999].map { text.byte(ofScalar: $0) } == [0, 5, 10, 14, 22])
  }

  @Test("a range ends at the latest at the end of its line")
  func length() {
    #expect(
      text.location(file: "f", from: 0, to: 12) == SourceLocation(file: "f", line: 1, column: 1, length: 3))
    #expect(
      text.location(file: "f", from: 5, to: 14) == SourceLocation(file: "f", line: 2, column: 1, length: 5))
    #expect(
      text.location(file: "f", from: 3, to: 4) == SourceLocation(file: "f", line: 1, column: 4, length: 1))
  }

  @Test("bytes that are not UTF-8 take one column each")
  func broken() {
    let text = SourceText([0x61, 0xFF, 0xFE, 0x62])
    #expect(text.line(1) == "a\u{FFFD}\u{FFFD}b")
    #expect(text.position(ofByte: 3) == (1, 4))
  }
}
