import Foundation
import TestSupport
import Testing

private let isAskedToPlay = ["KDOPS_PAGE", "KDOPS_RECORD"].contains {
  ProcessInfo.processInfo.environment[$0] == "1"
}

/// On request only: on a busy machine the daemon may take other steps to the same result, and prints other
/// messages.
@Suite("docs/merge-requests*.md", needsBubblewrap, .enabled(if: isAskedToPlay, "KDOPS_PAGE=1 plays the page"))
struct PageScenarios {
  /// In the order of the reader, who stays in the same clone.
  private static let pages = ["merge-requests.md", "merge-requests-revert.md"]
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..")
    .standardized.path

  /// `KDOPS_RECORD=1` writes the output into the pages.
  @Test("show the real output of each command", .timeLimit(.minutes(15)))
  func day() async throws {
    let program = try #require(DaemonProcess.program)
    let home = try TemporaryFolder()
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    try await Tool.run(
      [
        "bash", "-euc",
        """
        mkdir "$2/bin" && ln -s "$3" "$2/bin/kdops"
        cp -R "$1/sample-repo" "$2/first" && cd "$2/first"
        git init --quiet --initial-branch=main && git add --all && git commit --quiet --message "Three apps, five clusters"
        git clone --quiet --bare . "$2/forge/fleet.git" && rm -rf "$2/first"
        # Members that are notified of a connected cluster are busy for a moment more.
        for turn in 1 2 3 4 5; do
          "$3" run --once --repo "$2/forge/fleet.git" --embedded="$2/cluster" 2>/dev/null
          git -C "$2/forge/fleet.git" grep --quiet --files-without-match "^state: configured" refs/kdops/status || break
        done
        """, "bash", Self.root, home.path, program,
      ], environment: Self.dana)
    for name in Self.pages {
      let file = "\(Self.root)/docs/\(name)"
      let page = PlayedPage(try String(contentsOfFile: file, encoding: .utf8))
      let (played, differences) = try await page.played(
        in: home.path,
        environment: Self.dana.merging(["HOME": home.path, "PATH": "\(home.path)/bin:\(path)"]) { $1 })
      if ProcessInfo.processInfo.environment["KDOPS_RECORD"] == "1" {
        try Data(played.text.utf8).write(to: URL(filePath: file))
        continue
      }
      for one in differences { Issue.record("\(name): record it with KDOPS_RECORD=1, and read it: \(one)") }
    }
  }

  private static let dana = [
    "GIT_AUTHOR_NAME": "Dana", "GIT_AUTHOR_EMAIL": "dana@example.com", "GIT_COMMITTER_NAME": "Dana",
    "GIT_COMMITTER_EMAIL": "dana@example.com", "TERM": "dumb", "NO_COLOR": "1",
  ]
}
