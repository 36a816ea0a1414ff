@testable import EmbeddedCluster

extension ResourceWatch {
  /// Watches a command from the present use on.
  func add(_ subject: Subject) { add(subject, baseline(subject.record.measured)) }
}

extension ScriptRunner.Terms {
  /// A command without a deadline that counts its use from nothing on.
  static func unlimited(_ watch: ResourceWatch) -> Self { Self(baseline: watch.baseline([])) }
}
