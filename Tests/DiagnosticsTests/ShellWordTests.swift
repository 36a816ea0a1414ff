import Diagnostics
import TestSupport
import Testing

@Suite("Words of printed commands")
struct ShellWordTests {
  /// Names with a special meaning for a shell, git or a terminal.
  static let hostile = [
    "it's", "a'\u{301}; touch pwned; '\u{301}b", "'\u{200D}$(id)", "a b", "$(id)", "`id`", "-rf", ":(top)x",
    "*.yaml",
    "a\\b", "a\nb; id", "\u{1B}[31mred", "a'\n\\'b", "x\u{202E}y", "é", "e\u{301}", "",
  ]

  @Test("a shell reads each word as exactly the intended bytes", arguments: hostile)
  func value(text: String) throws {
    let read = try TemporaryRepository.run(["bash", "-c", "printf '%s.' \(ShellWord.value(text))"], in: nil)
    #expect(Array(read.utf8) == Array("\(text).".utf8))
  }

  @Test("a word contains no control character for a terminal", arguments: hostile)
  func visible(text: String) {
    let word = ShellWord.path(text)
    #expect(Array(TerminalText.visible(word).utf8) == Array(word.utf8))
  }

  @Test("git restores only the one file that a path names", arguments: hostile.filter { !$0.isEmpty })
  func path(name: String) throws {
    let repository = try TemporaryRepository()
    let path = "clusters/\(name)"
    try repository.commit([path: "old", "clusters/other.yaml": "old", "x": "old"])
    try repository.write([path: "new", "clusters/other.yaml": "new", "x": "new"])
    try TemporaryRepository.run(["bash", "-c", "git restore \(ShellWord.path(path))"], in: repository.path)
    #expect(try repository.git("diff", "--name-only").split(separator: "\n") == ["clusters/other.yaml", "x"])
  }

  @Test("a plain path is unchanged")
  func plain() {
    #expect(ShellWord.path("clusters/prod/a-1.yaml") == "clusters/prod/a-1.yaml")
    #expect(ShellWord.path("-a.yaml") == "-- ':(top,literal)-a.yaml'")
  }
}
