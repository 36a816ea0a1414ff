import Diagnostics
import Testing

@Suite("Redaction of secrets")
struct RedactionTests {
  @Test("a redacted value is not shown by any way of printing it")
  func wrapper() {
    let token = Redacted("hunter2")
    var dumped = ""
    dump([token], to: &dumped)
    for text in ["\(token)", String(describing: token), String(reflecting: token), "\([token])", dumped] {
      #expect(!text.contains("hunter2"))
    }
    #expect("\(token)" == "<redacted>")
    #expect(token.reveal() == "hunter2")
    #expect(token == Redacted("hunter2") && token != Redacted("other"))
  }

  @Test(
    "credentials are removed from URLs",
    arguments: [
      ("https://user:pw@host/x.git", "https://host/x.git"),
      ("https://TOKEN@host:8443/x", "https://host:8443/x"),
      ("https://u:p@ss@host/x", "https://host/x"), ("https://u:p/w@host/x", "https://host/x"),
      ("ssh://git:pw@host:22/x", "ssh://git@host:22/x"), ("ssh://git@host/x", "ssh://git@host/x"),
      ("git+ssh://git:pw@host/x", "git+ssh://git@host/x"), ("HTTPS://A:B@HOST", "HTTPS://HOST"),
      ("https://h/x?private_token=abc&ref=main", "https://h/x?private_token=<redacted>&ref=main"),
      ("https://h/x?X-Amz-Signature=abc#top", "https://h/x?X-Amz-Signature=<redacted>#top"),
      ("https://h/x?a=1&key=abc", "https://h/x?a=1&key=<redacted>"),
      ("https://h/?sig=a;b=c", "https://h/?sig=<redacted>"),
      ("https://h/#access_token=abc&x=1", "https://h/#access_token=<redacted>&x=1"),
    ])
  func urls(text: String, expected: String) {
    #expect(Redaction.url(text) == expected)
  }

  @Test(
    "text without secrets is unchanged",
    arguments: [
      "https://host:8443/a@sha256:0123?ref=main", "https://[::1]:80/a@b", "git@github.com:o/r.git",
      "file:///srv/repo.git",
      "no URL at all", "", "://", "@", "https://", "größe = 5 名前", "duplicate key=spark",
      "the bearer of bad news",
      "registry.example/spark@sha256:0123456789abcdef",
    ])
  func harmless(text: String) {
    #expect(Redaction.url(text) == text)
  }

  @Test(
    "credentials are removed from errors that quote them",
    arguments: [
      ("cannot fetch 'https://u:p@h/r.git': 401", "cannot fetch 'https://h/r.git': 401"),
      ("two: https://a:b@h1, https://c@h2.", "two: https://h1, https://h2."),
      ("sent Authorization: Bearer abc.def", "sent Authorization: <redacted>"),
      ("header bearer eyJhbGciOiJIUzI1NiJ9 refused", "header bearer <redacted> refused"),
      ("KDOPS_TOKEN=abc set", "KDOPS_TOKEN=<redacted> set"),
      ("password=a,b;c)d next", "password=<redacted> next"),
      ("remote: ghp_abcdef is expired", "remote: <redacted> is expired"),
      ("glpat-abc\nnext", "<redacted>\nnext"),
      ("got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln, expired", "got <redacted>, expired"),
      ("vault: hvs.CAESIJabcdefgh", "vault: <redacted>"), ("id AKIAIOSFODNN7EXAMPLE.", "id <redacted>"),
      (
        "POST https://hooks.slack.com/services/T0/B0/xyz failed",
        "POST https://hooks.slack.com/services/<redacted> failed"
      ), ("github_pat_11A_b is old", "<redacted> is old"),
      ("password=\"a b\" next", "password=\"<redacted>\" next"),
    ])
  func messages(text: String, expected: String) {
    #expect(Redaction.url(text) == expected)
  }

  @Test(
    "a word of a megabyte takes no longer than many short ones", .timeLimit(.minutes(5)),
    arguments: ["://", "://:a/", "://x:y@", "a=", "token="])
  func longWord(unit: String) {
    let text = String(repeating: unit, count: (1 << 20) / unit.utf8.count)
    #expect(Redaction.url(text).utf8.count <= 4 * text.utf8.count)
  }

  @Test(
    "in files for others, values after the names of secrets are removed too",
    arguments: [
      ("token: abcd1234 next", "token: <redacted> next"),
      (#"{"password": "a \"b", "x": 1}"#, #"{"password": "<redacted>", "x": 1}"#),
      (#"{\"api_key\":\"abc\",\"x\":1}"#, #"{\"api_key\":\"<redacted>\",\"x\":1}"#),
      ("'secret' : 'a b'", "'secret' : '<redacted>'"), ("password: \"open", "password: \"<redacted>"),
      ("\"Authorization\": \"Bearer x\"", "\"Authorization\": \"<redacted>\""),
      ("author: Ann", "author: Ann"), ("token:", "token:"), ("level: info", "level: info"),
    ])
  func pairs(text: String, expected: String) {
    #expect(Redaction.strict(text) == expected)
  }

  @Test(
    "a long text for others is read in linear time", .timeLimit(.minutes(5)),
    arguments: ["token:", "\"a\":", "token:\"", "eyJ", "eyJ.", " eyJ", ":", "\\"])
  func longStrict(unit: String) {
    let text = String(repeating: unit, count: (1 << 20) / unit.utf8.count)
    #expect(Redaction.strict(text).utf8.count <= 4 * text.utf8.count)
  }

  @Test("a password with a slash in it is removed from every URL in a word")
  func severalInOneWord() {
    #expect(!Redaction.url("https://a:p/w@x.example,https://b:q/z@y.example").contains("p/w"))
    #expect(!Redaction.url("https://a:p/w@x.example,https://b:q/z@y.example").contains("q/z"))
  }

  @Test("an excerpt is cut by Unicode scalars, and reads only the beginning of a long text")
  func excerpt() {
    #expect(Redaction.excerpt("kind", limit: 60) == "kind")
    #expect(Redaction.excerpt(String(repeating: "x", count: 60), limit: 60).unicodeScalars.count == 60)
    let oneCharacter = "a" + String(repeating: "\u{301}", count: 400_000)
    #expect(Redaction.excerpt(oneCharacter, limit: 60).unicodeScalars.count == 60)
  }

  @Test(
    "an excerpt shows nothing of a password that is longer than the excerpt",
    arguments: [59, 200, 241, 9_000])
  func excerptOfSecret(length: Int) {
    let text = "https://user:\(String(repeating: "s", count: length))@git.example"
    #expect(!Redaction.excerpt(text, limit: 60).contains("ss"))
  }
}
