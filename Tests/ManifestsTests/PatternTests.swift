import Manifests
import Testing

@Suite("Patterns of schemas")
struct PatternTests {
  @Test(
    "a pattern matches these texts and not others",
    arguments: [
      (
        "^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$", ["a", "a-b", "A.b_c9", "9"],
        ["", "-a", "a-", "a b", "ä", "a\n"]
      ),
      ("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", ["a", "a--b"], ["A", "a.", ".a"]),
      ("^[0-9]+\\+?$", ["1", "10+", "007"], ["", "+", "1++", "1 ", "-1"]),
      (
        "^(file|https?)://.+\\.tgz$", ["file:///a.tgz", "https://h/x.y.tgz", "http://ä.tgz"],
        ["ftp://x.tgz", "https://.tgz", "https://h/x.tgz2"]
      ),
      ("^/.*[^/]$", ["/a", "/usr/local", "/ä", "//a"], ["/", "a", "/a/", ""]),
      (
        "^([0-9]+\\.?[0-9]*|\\.[0-9]+)([numkMGTPE]|[KMGTPE]i|[eE][-+]?[0-9]+)?$",
        ["1", "1.", "1.5Gi", ".5", "500m", "1e3", "1E", "1E-3"], ["", ".", "Gi", "1gi", "1GiB", "1 Gi", "-1"]
      ),
      ("^(a|b){2,3}$", ["ab", "bab"], ["a", "abab"]), ("^a{2}$", ["aa"], ["a", "aaa"]),
      ("^a{2,}$", ["aa", "aaaa"], ["a"]),
      ("^a{0,1}b$", ["b", "ab"], ["aab"]), ("^\\d{1,3}\\w\\s\\S$", ["123_ x"], ["1 2 3"]),
      ("^\\D\\W$", ["a-"], ["1-", "ab"]),
      ("b", ["b", "abc"], ["", "ac"]), ("^b", ["bc"], ["ab"]), ("b$", ["ab"], ["bc"]), ("^$", [""], ["a"]),
      ("", ["", "x"], []),
      ("^$|^x+$", ["", "xx"], ["y", "xy"]), ("^(|x)$", ["", "x"], ["xx"]), ("x|^y", ["ax", "y"], ["ay"]),
      ("a$|^b", ["xa", "bx"], ["ax", "xb"]),
      ("^a.c$", ["abc", "aäc", "a😀c"], ["a\nc", "ac", "aääc"]), ("^[^a]$", ["b", "ä", "\n"], ["a", "äb"]),
      ("^[]a]$", ["]", "a"], ["b"]),
      ("^[a-]$", ["a", "-"], ["b"]), ("^[\\]\\-\\\\]$", ["]", "-", "\\"], ["a"]),
      ("^[\\w.]+$", ["a.b_1"], ["a-b"]), ("^[+--]$", ["+", ",", "-"], ["."]),
      ("^[\\t-\\r]$", ["\n"], [" "]), ("^a{x}$", ["a{x}"], ["a"]), ("^(?:ab)+?$", ["abab"], ["aba"]),
      ("^a\\.b\\/c$", ["a.b/c"], ["axb/c"]),
      ("(^a|b)c", ["ac", "xbc"], ["xac"]), ("a.*b.*c", ["xaxbxcx", "abc"], ["acb"]),
      ("aab", ["aaab"], ["aba"]),
    ] as [(String, [String], [String])])
  func matching(pattern: String, fitting: [String], others: [String]) throws {
    let compiled = try Pattern(pattern)
    for text in fitting { #expect(compiled.matches(text), "\(pattern) takes \(text)") }
    for text in others { #expect(!compiled.matches(text), "\(pattern) refuses \(text)") }
  }

  @Test(
    "an unsupported or malformed pattern is refused when the schema is compiled",
    arguments: [
      "(", ")", "a)", "[", "[a", "[]", "[z-a]", "a**", "*a", "+", "?", "{1}", "a{2,1}", "a{1001}", "\\",
      "\\b", "\\1", "(?=a)",
      "(?<n>a)", "(?i)a", "\\p{L}", "[[:alpha:]]", "ä", "[ä]", "[a-ä]", "[\\d-z]", "[a-\\d]", "^*",
      "a{99999999999999999999}",
    ])
  func refused(pattern: String) {
    let error = #expect(throws: PatternError.self) { try Pattern(pattern) }
    #expect(error?.pattern == pattern)
  }

  @Test(
    "a pattern that would become too large is refused",
    arguments: ["(((a{99}){99}){99})", "a.{40}b.{40}c.{40}|[ab]*a[ab]{30}"])
  func tooLarge(pattern: String) {
    #expect(throws: PatternError.self) { try Pattern(pattern) }
  }

  @Test("groups that are nested too deeply are refused without a stack overflow")
  func nesting() {
    #expect(throws: PatternError.self) { try Pattern(String(repeating: "(", count: 100_000)) }
  }

  @Test("texts that make backtracking engines hang give a result at once")
  func evilText() throws {
    #expect(try !Pattern("^(a+)+$").matches(String(repeating: "a", count: 100_000) + "b"))
    #expect(try Pattern("^(a|a)*$").matches(String(repeating: "a", count: 100_000)))
    #expect(try !Pattern("^([a-z]*)*[0-9]$").matches(String(repeating: "a", count: 100_000)))
  }
}
