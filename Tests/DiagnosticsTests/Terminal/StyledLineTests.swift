import Testing

@testable import Diagnostics

@Suite("A line for a terminal")
struct StyledLineTests {
  @Test("is cut by its terminal cells, not by its characters")
  func cut() {
    #expect(StyledLine.cut("日本語", to: 6) == "日本語")
    #expect(StyledLine.cut("日本語", to: 5) == "日本…")
    #expect(StyledLine.cut("日本語", to: 4) == "日…")
    #expect(StyledLine.cut("abc", to: 0) == "")
  }

  @Test("shows where it was cut, also between two parts")
  func parts() {
    var line = StyledLine("abc", .bold)
    line.append("def")
    #expect(line.text(width: 6, coloured: false) == "abcdef")
    #expect(line.text(width: 5, coloured: false) == "abcd…")
    #expect(line.text(width: 3, coloured: false) == "ab…")
    #expect(line.text(width: 6, coloured: true) == "\u{1B}[1mabc\u{1B}[0mdef")
  }
}
