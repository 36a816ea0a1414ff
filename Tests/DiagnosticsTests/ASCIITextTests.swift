import Testing

@testable import Diagnostics

@Suite("Output in a locale without UTF-8")
struct ASCIITextTests {
  @Test("the locale decides in the order of POSIX")
  func locale() {
    #expect(ASCIIText.isUTF8(["LANG": "de_DE.UTF-8"]))
    #expect(ASCIIText.isUTF8(["LANG": "C.utf8", "LC_ALL": ""]))
    #expect(ASCIIText.isUTF8(["LANG": "ca_ES.UTF-8@valencia"]))
    #expect(!ASCIIText.isUTF8(["LANG": "de_DE.UTF-8", "LC_ALL": "C"]))
    #expect(!ASCIIText.isUTF8(["LC_CTYPE": "de_DE.ISO-8859-1", "LANG": "C.UTF-8"]))
    #expect(!ASCIIText.isUTF8([:]))
  }

  @Test("symbols keep their width and stay distinct, and colours stay")
  func symbols() {
    #expect(ASCIIText.of("● ◐ ○ ✗ –") == "# ~ . x -")
    #expect(ASCIIText.of("\u{1B}[31ma → b…\u{1B}[0m") == "\u{1B}[31ma > b~\u{1B}[0m")
    #expect(ASCIIText.of("plain") == "plain")
    #expect(ASCIIText.of("Grüße") == "Gr??e")
  }
}
