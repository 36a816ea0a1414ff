import Diagnostics
import GitStore
import Testing

@testable import Hooks

@Suite("Decisions of hooks")
struct HookStepTests {
  @Test("a hook's file is recognized by its content")
  func states() {
    #expect(HookFile.state(of: nil) == .nothing)
    #expect(HookFile.state(of: HookScript.text) == .ours(isCurrent: true))
    #expect(HookFile.state(of: "#!/bin/sh\n# kdops git hook 0: other\n") == .ours(isCurrent: false))
    #expect(HookFile.state(of: "#!/bin/sh\nkdops hook run pre-commit\n") == .asksKdops)
    #expect(HookFile.state(of: "#!/bin/sh\nmake lint\n") == .other)
    #expect(HookFile.state(of: "") == .other)
  }

  @Test("an older script of kdops is replaced, any other never")
  func steps() {
    func step(_ state: HookFile.State, _ hasBefore: Bool = false) -> HookFile.Step {
      HookFile.installing(.preCommit, state, hasBefore: hasBefore)
    }
    #expect(step(.nothing) == .write)
    #expect(step(.ours(isCurrent: false), true) == .write)
    #expect(step(.ours(isCurrent: true)) == .keep)
    #expect(step(.asksKdops) == .keep)
    #expect(step(.other) == .chain)
    for left in [step(.other, true), step(.managed(by: "x", remedy: "y"))] {
      guard case .leave = left else { Issue.record("\(left)"); continue }
    }
    #expect(HookFile.uninstalling(.preCommit, .ours(isCurrent: false), hasBefore: true) == .restore)
    #expect(HookFile.uninstalling(.preCommit, .ours(isCurrent: true), hasBefore: false) == .remove)
    #expect(HookFile.uninstalling(.preCommit, .other, hasBefore: true) == .keep)
  }

  private let one = String(repeating: "1", count: 40)
  private let two = String(repeating: "2", count: 40)
  private let zero = String(repeating: "0", count: 40)

  @Test("git's lines about pushed refs are read in either order")
  func moves() throws {
    let pushed = try RefMove.read("refs/heads/a \(one) refs/heads/main \(two)\n", of: .prePush)
    let received = try RefMove.read("\(two) \(one) refs/heads/main\n", of: .preReceive)
    #expect(pushed == received)
    #expect(pushed == [RefMove(ref: "refs/heads/main", old: ObjectID(hex: two), new: ObjectID(hex: one))])
    #expect(try RefMove.read("(delete) \(zero) refs/heads/x \(two)\n", of: .prePush).first?.new == nil)
    #expect(try RefMove.read("", of: .preReceive).isEmpty)
    let error = #expect(throws: GitError.self) { try RefMove.read("x", of: .preReceive) }
    #expect(error?.message.hasPrefix("'x' is not an update of a ref") == true)
    let marked = try RefMove.read("refs/heads/a \(one) refs/heads/\u{301}x \(two)\n", of: .prePush)
    #expect(marked.first?.branch?.unicodeScalars.count == 2)
    for wrong in ["x", "\(one) \(two)", "\(one)f \(two) refs/heads/main", "a b c d e"] {
      #expect(throws: GitError.self) { try RefMove.read(wrong, of: .preReceive) }
    }
  }

  @Test("only updated branches are validated, and never the daemon's refs")
  func judged() throws {
    let refs = ["heads/main", "heads/topic", "heads/kdops/status", "notes/kdops", "kdops/status", "tags/v1"]
    let moves = refs.map { RefMove(ref: "refs/\($0)", old: nil, new: ObjectID(hex: one)) }
    #expect(RefMove.judged(among: moves, branch: nil).map(\.branch) == ["main", "topic"])
    #expect(RefMove.judged(among: moves, branch: "main").map(\.branch) == ["main"])
    #expect(RefMove.judged(among: [RefMove(ref: "refs/heads/main")], branch: nil).isEmpty)
  }

  @Test("any number of findings fits one screen, with the worst first and the command that shows all")
  func screen() async throws {
    let fixture = try HookFixture()
    var files: [String: String?] = [:]
    for number in 10..<60 { files["clusters/prod/c\(number).yaml"] = "broken: [" }
    files["clusters/prod/a.yaml"] = HookFixture.Files.analytics("1.0.0", name: "a") + "  unknown: 1\n"
    try fixture.kdops("hook", "install")
    try fixture.stage(files)
    let commit = try fixture.git("commit", "--message", "x")
    #expect(commit.said.split(separator: "\n", omittingEmptySubsequences: false).count <= 24)
    #expect(commit.said.hasPrefix("error["))
    #expect(commit.said.contains("more errors, 1 more warning; all of them: kdops validate --staged"))
    #expect(commit.said.contains("not committed, 50 errors"))
  }
}
