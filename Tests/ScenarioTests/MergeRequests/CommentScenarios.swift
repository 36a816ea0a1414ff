import Foundation
import TestSupport
import Testing

@Suite("hooks/ci/comment", .enabled(if: Tool.has("curl") && Tool.has("jq"), "curl and jq are not installed"))
struct CommentScenarios {
  enum Kind: CaseIterable { case gitlab, github }

  private static let marker = "<!-- kdops:plan -->"
  private static let script = {
    let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..").standardized
    return root.appending(path: "hooks/ci/comment").path
  }()

  /// Runs the script as a job of that forge would.
  @discardableResult
  private func comment(
    _ text: String, on kind: Kind, _ port: Int, without: Set<String> = [], token: String = CommentServer.token
  ) async throws -> String {
    let folder = try TemporaryFolder()
    let event = "\(folder.path)/event.json"
    try Data(#"{"pull_request": {"number": 3}}"#.utf8).write(to: URL(filePath: event))
    var environment: [String: String] =
      switch kind {
      case .gitlab:
        [
          "CI_API_V4_URL": "http://127.0.0.1:\(port)/api/v4", "CI_PROJECT_ID": "7",
          "CI_MERGE_REQUEST_IID": "3",
        ]
      case .github:
        [
          "GITHUB_API_URL": "http://127.0.0.1:\(port)", "GITHUB_REPOSITORY": "acme/fleet",
          "GITHUB_EVENT_PATH": event,
        ]
      }
    environment["KDOPS_COMMENT_TOKEN"] = token
    for name in without { environment[name] = "" }
    return try await Tool.run(
      ["bash", Self.script], input: text, environment: Self.nowhere.merging(environment) { $1 })
  }

  /// The tests may run in a job of a forge themselves.
  private static let nowhere = [
    "CI_API_V4_URL": "", "GITHUB_API_URL": "", "GITHUB_EVENT_PATH": "", "KDOPS_COMMENT_TOKEN_FILE": "",
  ]

  @Test("adds one comment, and edits it from then on", arguments: Kind.allCases)
  func once(kind: Kind) async throws {
    try await CommentServer.run { server, port in
      let first = try await comment("\(Self.marker)\n### one\n", on: kind, port)
      #expect(first == "comment: added")
      let second = try await comment("\(Self.marker)\n### \"two\" \\ $x\n", on: kind, port)
      #expect(second == "comment: edited")
      let comments = server.state.withLock(\.comments)
      #expect(comments.map(\.body) == ["\(Self.marker)\n### \"two\" \\ $x\n"])
    }
  }

  @Test(
    "finds its comment among hundreds, and changes no other that looks like it", arguments: Kind.allCases)
  func among(kind: Kind) async throws {
    try await CommentServer.run { server, port in
      server.state.withLock { state in
        state.comments = (1...250).map { .init(id: $0, author: "mallory", body: "\(Self.marker)\nforged") }
        state.comments.append(.init(id: 300, author: "bot", body: "about \(Self.marker)"))
        state.comments.append(.init(id: 301, author: "bot", body: "\(Self.marker)\nold"))
      }
      try await comment("\(Self.marker)\nnew", on: kind, port)
      let comments = server.state.withLock(\.comments)
      #expect(comments.count == 252)
      #expect(comments.last?.body == "\(Self.marker)\nnew")
      #expect(comments.dropLast().allSatisfy { !$0.body.contains("new") })
    }
  }

  @Test("works with a job's own token on GitHub, which may not read its user")
  func ownToken() async throws {
    try await CommentServer.run { server, port in
      server.state.withLock { $0.rights = .anonymous }
      try await comment("\(Self.marker)\none", on: .github, port)
      let said = try await comment("\(Self.marker)\ntwo", on: .github, port)
      #expect(said == "comment: edited")
      #expect(server.state.withLock(\.comments).map(\.author) == ["github-actions[bot]"])
    }
  }

  @Test("adds another comment if its own was deleted in the meantime", arguments: Kind.allCases)
  func removed(kind: Kind) async throws {
    try await CommentServer.run { server, port in
      try await comment("\(Self.marker)\none", on: kind, port)
      server.state.withLock { $0.isGoneWhenEdited = true }
      let said = try await comment("\(Self.marker)\ntwo", on: kind, port)
      #expect(said == "comment: added")
    }
  }

  @Test("names the permission that the token lacks, and never prints the token", arguments: Kind.allCases)
  func refused(kind: Kind) async throws {
    try await CommentServer.run { server, port in
      server.state.withLock { $0.rights = .reading }
      let missing = try await errorMessage { try await comment("\(Self.marker)\none", on: kind, port) }
      #expect(missing.contains("refuses to add a comment (403): the token needs the"))
      let wrong = try await errorMessage {
        try await comment("\(Self.marker)\none", on: kind, port, token: "glpat-other")
      }
      #expect(wrong.contains("does not know the token: it is wrong or has expired"))
      for text in [missing, wrong] { #expect(!text.contains("glpat")) }
    }
  }

  @Test("stops before it sends anything if a variable or a file is missing")
  func missing() async throws {
    try await CommentServer.run { server, port in
      let text = "\(Self.marker)\none"
      for (kind, variable, word) in [
        (Kind.gitlab, "CI_MERGE_REQUEST_IID", "belongs to no merge request"),
        (.github, "GITHUB_EVENT_PATH", "belongs to no pull request"),
        (.gitlab, "CI_API_V4_URL", "this runs in their jobs only"),
        (.gitlab, "KDOPS_COMMENT_TOKEN", "there is no token"),
      ] {
        let words = try await errorMessage { try await comment(text, on: kind, port, without: [variable]) }
        #expect(words.contains(word), "\(words)")
      }
      let unmarked = try await errorMessage { try await comment("### one", on: .gitlab, port) }
      #expect(unmarked.contains("does not begin with an HTML comment"))
      let plain = try await errorMessage {
        try await Tool.run(
          ["bash", Self.script], input: text,
          environment: [
            "GITHUB_API_URL": "http://forge.example", "GITHUB_EVENT_PATH": "/dev/null",
            "CI_API_V4_URL": "http://forge.example/api/v4", "CI_PROJECT_ID": "7", "CI_MERGE_REQUEST_IID": "3",
            "KDOPS_COMMENT_TOKEN": CommentServer.token,
          ])
      }
      #expect(plain.contains("without TLS"))
      #expect(server.state.withLock(\.lines).isEmpty)
    }
  }

  /// The error message of a command that must fail.
  private func errorMessage(_ body: () async throws -> String) async throws -> String {
    do {
      let printed = try await body()
      Issue.record("it did not fail: \(printed)")
      return ""
    } catch let error as ToolError { return "\(error)" }
  }
}
