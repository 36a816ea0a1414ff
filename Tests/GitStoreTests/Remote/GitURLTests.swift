import GitStore
import Testing

@Suite("Repository addresses")
struct GitURLTests {
  @Test(
    "an address is parsed into protocol, user, host and path",
    arguments: [
      ("/srv/x.git", GitURL.path("/srv/x.git")), ("file:///srv/a%20b.git", .path("/srv/a b.git")),
      ("x.git", .path("x.git")), ("./a:b", .path("./a:b")),
      (
        "https://example.org/x.git",
        .web(secure: true, user: nil, host: "example.org", port: 443, path: "/x.git")
      ),
      (
        "HTTPS://me@example.org:8443/x",
        .web(secure: true, user: "me", host: "example.org", port: 8443, path: "/x")
      ),
      ("http://127.0.0.1:80/x", .web(secure: false, user: nil, host: "127.0.0.1", port: 80, path: "/x")),
      ("http://[::1]:8080/x", .web(secure: false, user: nil, host: "::1", port: 8080, path: "/x")),
      ("ssh://git@example.org/x.git", .ssh(user: "git", host: "example.org", port: 22, path: "/x.git")),
      ("ssh://example.org:2222/~/x", .ssh(user: nil, host: "example.org", port: 2222, path: "/~/x")),
      ("git@example.org:team/x.git", .ssh(user: "git", host: "example.org", port: 22, path: "/~/team/x.git")),
      ("example.org:/srv/x.git", .ssh(user: nil, host: "example.org", port: 22, path: "/srv/x.git")),
    ])
  func reading(text: String, url: GitURL) throws {
    #expect(try GitURL(text) == url)
  }

  @Test(
    "an unsafe or unknown address is refused, and a password in it is not repeated",
    arguments: [
      "", "http://example.org/x", "git://example.org/x", "ext::sh -c id", "https://me:hunter2@example.org/x",
      "ssh://me:hunter2@example.org/x", "ssh://example.org/x';id;'", "git@example.org:x';id;'",
      "ssh://example.org/x'\u{301};id;'\u{301}", "git@example.org:x'\u{301};id;'\u{301}", "https:///x",
      "https://example.org", "https://example.org:0/x", "https://example.org:99999/x",
      "https://exa mple.org/x",
      "ssh://-oProxyCommand=id/x", "-oProxyCommand=id:x", "file://host/x", "https://example.org/x\n",
      "ftp://example.org/x",
    ])
  func refusing(text: String) {
    let error = #expect(throws: GitError.self) { try GitURL(text) }
    #expect(error?.kind == .invalid)
    #expect(error?.hint != nil)
    #expect(!"\(error, default: "")".contains("hunter2"))
  }

  @Test("an address shown to users has no https user and no default port")
  func shown() throws {
    #expect("\(try GitURL("https://token@example.org/x.git"))" == "https://example.org/x.git")
    #expect("\(try GitURL("ssh://git@example.org:2222/x.git"))" == "ssh://git@example.org:2222/x.git")
  }

  @Test("a relative path is resolved against a given folder")
  func relative() throws {
    #expect(try GitURL("x.git", relativeTo: "/srv") == .path("/srv/x.git"))
    #expect(try GitURL("/x.git", relativeTo: "/srv") == .path("/x.git"))
  }
}
