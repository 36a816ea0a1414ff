import GitStore
import Testing

@Suite("Globs")
struct PathGlobTests {
  @Test(
    "a glob matches these paths",
    arguments: [
      ("apps/**", "apps/a.json"), ("apps/**", "apps/x/y/a.json"), ("**/a.yaml", "a.yaml"),
      ("**/a.yaml", "x/y/a.yaml"), ("clusters/*/a.yaml", "clusters/prod/a.yaml"), ("*.json", "a.json"),
      ("a?.json", "ab.json"), ("a?.json", "aé.json"), ("a/**/b/**/c", "a/b/c"),
      ("a/**/b/**/c", "a/x/b/b/y/c"),
      ("clusters/\u{301}*/**", "clusters/\u{301}x/a.json"),
      ("**", "a/b"), ("*", ".hidden"), ("a*b*c", "aXbYbZc"), ("**/**/a", "a"),
    ])
  func matching(pattern: String, path: String) throws {
    #expect(try PathGlob(pattern).matches(path))
  }

  @Test(
    "a glob does not match these paths",
    arguments: [
      ("apps/**", "apps"), ("apps/**", "apps2/a.json"), ("clusters/*/a.yaml", "clusters/a.yaml"),
      ("clusters/*/a.yaml", "clusters/x/y/a.yaml"), ("*.json", "x/a.json"), ("a?.json", "a.json"),
      ("apps/*.json", "apps/a.yaml"), ("apps/**", "Apps/a.json"), ("a*b*c", "aXbYbZ"), ("a/**/b", "a/x/c"),
      ("caf\u{E9}/*", "cafe\u{301}/a"),
    ])
  func notMatching(pattern: String, path: String) throws {
    #expect(try !PathGlob(pattern).matches(path))
  }

  @Test(
    "an invalid pattern is refused with a reason",
    arguments: [
      "", "/apps/**", "apps/", "apps//x", "../x", "./x", "a[bc]", "{a,b}", "a\u{7}",
      String(repeating: "a/", count: 70) + "a",
    ])
  func refused(pattern: String) {
    #expect(throws: GitError.self) { try PathGlob(pattern) }
  }

  @Test("matching a pattern of many stars takes at most quadratic time")
  func noExplosion() throws {
    let glob = try PathGlob(
      String(repeating: "a*", count: 40) + "b/" + String(repeating: "**/*/", count: 20) + "c")
    #expect(!glob.matches(String(repeating: "a", count: 5000) + "/" + String(repeating: "x/", count: 500)))
  }

  @Test("a selection matches what any of its globs matches")
  func selection() throws {
    let selection = try PathSelection(patterns: ["apps/**", "*.yaml"])
    #expect(selection.contains("apps/x"))
    #expect(selection.contains("a.yaml"))
    #expect(!selection.contains("clusters/a.yaml"))
    #expect(PathSelection.all.contains("clusters/a.yaml"))
    #expect(!PathSelection([]).contains("a"))
  }
}
