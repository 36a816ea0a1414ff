import GitStore
import Testing

@Suite("Globs")
struct PathGlobTests {
  @Test(
    "a glob means these paths",
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
    "and not these",
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
    "a pattern that cannot be meant is refused with its reason",
    arguments: [
      "", "/apps/**", "apps/", "apps//x", "../x", "./x", "a[bc]", "{a,b}", "a\u{7}",
      String(repeating: "a/", count: 70) + "a",
    ])
  func refused(pattern: String) {
    #expect(throws: GitError.self) { try PathGlob(pattern) }
  }

  @Test("a pattern of many stars takes no more than length times length")
  func noExplosion() throws {
    let glob = try PathGlob(
      String(repeating: "a*", count: 40) + "b/" + String(repeating: "**/*/", count: 20) + "c")
    #expect(!glob.matches(String(repeating: "a", count: 5000) + "/" + String(repeating: "x/", count: 500)))
  }

  @Test("a selection is what any of its globs means")
  func selection() throws {
    let selection = try PathSelection(patterns: ["apps/**", "*.yaml"])
    #expect(selection.contains("apps/x"))
    #expect(selection.contains("a.yaml"))
    #expect(!selection.contains("clusters/a.yaml"))
    #expect(PathSelection.all.contains("clusters/a.yaml"))
    #expect(!PathSelection([]).contains("a"))
  }
}
