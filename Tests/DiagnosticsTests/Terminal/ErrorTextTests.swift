import Testing

@testable import Diagnostics

@Suite("A command's error message")
struct ErrorTextTests {
  private struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  @Test("is on one line, contains no control characters, and repeats no password")
  func hostile() {
    let words = ErrorText.words(
      Failure(description: "cannot read a\n::error::x\u{1B}[2J\u{202E}y of https://me:hunter2@example.org/x"))
    #expect(!words.contains("hunter2"))
    for scalar in ["\n", "\u{1B}", "\u{202E}"] as [Unicode.Scalar] {
      #expect(!words.unicodeScalars.contains(scalar))
    }
  }
}
