import Diagnostics
import KubeDirector
import Manifests
import Values

@testable import Rules

/// Evaluates an example with the real judge.
enum ExampleRunner {
  static func judge(_ example: Example) throws -> Judgement {
    var files = Fixture.files
    var base: [String: String]?
    if let before = example.before {
      for edit in before { try edit.apply(to: &files) }
      base = files
    }
    for edit in example.edits { try edit.apply(to: &files) }
    var live = LiveView.none
    if let status = example.live.status {
      live = LiveView(source: .cluster)
      live.hold(Fixture.reference, status: status)
    }
    var request = JudgeRequest(
      base: base.map { snapshot($0) }, head: snapshot(files), live: live, policy: example.policy)
    if let app = example.history { request.history = { _ in app } }
    return Judge.judge(request)
  }

  static func snapshot(_ files: [String: String]) -> Snapshot {
    let parsed = files.sorted { $0.key < $1.key }.map { path, text in
      ManifestFile.parse(path: path, bytes: Array(text.utf8), defaultNamespace: "default")
    }
    return Snapshot(files: parsed, contents: { files[$0].map { Array($0.utf8) } })
  }
}
