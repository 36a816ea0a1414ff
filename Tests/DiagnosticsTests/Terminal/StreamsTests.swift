import Foundation
import TestSupport
import Testing

@testable import Diagnostics

@Suite("Output streams")
struct StreamsTests {
  /// The content of a file after something was written to it.
  private func written(_ body: (Int32) throws -> Void) throws -> String {
    let folder = try TemporaryFolder()
    let file = URL(filePath: "\(folder.path)/out")
    try Data().write(to: file)
    let handle = try FileHandle(forWritingTo: file)
    try body(handle.fileDescriptor)
    try handle.close()
    return try String(contentsOf: file, encoding: .utf8)
  }

  @Test("a CI runner executes no command in the output, whichever way it is written")
  func commands() throws {
    let hostile = "::error::x\n| ##[error]y\u{1B}[2J"
    let shown = ": :error::x\n| # #[error]y\u{241B}[2J\n"
    #expect(try written { Streams.Stream(descriptor: $0).line(hostile) } == shown)
    #expect(try written { try Streams.Stream(descriptor: $0).result(hostile + "\n") } == shown)
    #expect(try written { Console(descriptor: $0, environment: ["LANG": "C.UTF-8"]).line(hostile) } == shown)
  }

  @Test("a message shows every escape sequence in it, also a colour, and keeps its lines")
  func messages() throws {
    #expect(
      try written { Streams.Stream(descriptor: $0).line("a\u{1B}[8mb\u{202E}c\n\td") }
        == "a\u{241B}[8mb\u{FFFD}c\n\td\n")
    #expect(try written { Streams.Stream(descriptor: $0).styledLine("\u{1B}[1ma") } == "\u{1B}[1ma\n")
  }

  @Test("a result shows escape sequences and bidirectional marks, and styled text keeps kdops's colours")
  func results() throws {
    let text = "a\u{1B}[31mb\u{202E}c\n"
    let plain = try written { try Streams.Stream(descriptor: $0).result(text) }
    #expect(plain == "a\u{241B}[31mb\u{FFFD}c\n")
    let styled = try written { try Streams.Stream(descriptor: $0).result(text, .styled) }
    #expect(styled == "a\u{1B}[31mb\u{FFFD}c\n")
    let line = try written { Console(descriptor: $0, environment: ["LANG": "C.UTF-8"]).line("\u{1B}[1ma") }
    #expect(line == "\u{241B}[1ma\n")
  }

  @Test(
    "in a locale without symbols, text for people is ASCII, and what programs read is not changed",
    arguments: [
      (JobLog.Notation.text, "a > ?\n"), (.styled, "a > ?\n"), (.document, "a → é\n"),
      (.json, "a → é\n"), (.xml, "a → é\n"), (.finished, "a → é\n"),
    ])
  func ascii(_ notation: JobLog.Notation, _ expected: String) throws {
    let shown = try written {
      try Streams.Stream(descriptor: $0, isASCII: true).result("a → é\n", notation)
    }
    #expect(shown == expected)
  }

  @Test("the locale chooses the symbols also without a terminal")
  func locale() throws {
    #expect(try written { Console(descriptor: $0, environment: ["LC_ALL": "C"]).line("a → b") } == "a > b\n")
    #expect(
      try written { Console(descriptor: $0, environment: ["LANG": "C.UTF-8"]).line("a → b") } == "a → b\n")
  }

  @Test("the output is the same for a JSON parser")
  func json() throws {
    let text = "{\"a\": \"##[error]\"}\n"
    #expect(
      try written { try Streams.Stream(descriptor: $0).result(text, .json) }
        == "{\"a\": \"#\\u0023[error]\"}\n")
  }
}
