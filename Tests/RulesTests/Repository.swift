import Diagnostics
import KubeDirector
import Manifests

@testable import Rules

/// Files by path, and the edits that a test makes.
struct Repository {
  var files = Fixture.files

  static let analytics = Fixture.reference
  static let current = ObjectReference.app("prod", "spark-1.0.0")
  static let candidate = ObjectReference.app("prod", "spark-1.1.0")

  /// The repository after these edits.
  func with(_ edits: Edit...) throws -> Repository {
    var copy = self
    for edit in edits { try edit.apply(to: &copy.files) }
    return copy
  }

  var upgraded: Repository {
    get throws { try with(.cluster("app: spark-1.0.0", "app: spark-1.1.0")) }
  }

  var snapshot: Snapshot { ExampleRunner.snapshot(files) }

  /// The judgement of a change from one repository to another.
  static func judge(
    _ base: Repository?, _ head: Repository, live: LiveView = .none, policy: Policy? = nil,
    history: String? = nil
  ) -> Judgement {
    var request = JudgeRequest(base: base?.snapshot, head: head.snapshot, live: live, policy: policy)
    if let history { request.history = { _ in history } }
    return Judge.judge(request)
  }
}

extension LiveView {
  /// Live state with the fixture's cluster in the given state.
  static func of(_ live: Example.Live, source: Source = .cluster) -> LiveView {
    var view = LiveView(source: source)
    view.hold(Repository.analytics, status: live.status)
    return view
  }

  static let treeSource = Source.tree(commit: "1d0e77c", age: 60)
}

extension Judgement {
  /// `change verdict` of an object, or nil.
  func outcome(_ reference: ObjectReference) -> String? {
    verdict(of: reference).map { "\($0.change.rawValue) \($0.verdict.rawValue)" }
  }

  /// `severity rule`, in the order of the report.
  var summary: [String] { findings.map { "\($0.severity.rawValue) \($0.rule)" } }
}
