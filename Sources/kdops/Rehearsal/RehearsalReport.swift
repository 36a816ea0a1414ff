import Diagnostics
import KubeDirector
import Values

/// What came of a rehearsal.
struct RehearsalReport: Sendable {
  var base: String
  var head: String
  var acts: [ActReport] = []
  /// What was not rehearsed, and why: a sentence each.
  var omitted: [String] = []
  /// Whether the change, or a part of it, would be rejected.
  var isRejected = false

  var hasPassed: Bool { !isRejected && acts.allSatisfy(\.failures.isEmpty) }
}

/// What came of one way through it.
struct ActReport: Sendable {
  var kind: RehearsalAct.Kind
  var clusters: [ObjectReference]
  var took: Duration = .zero
  var entries: [Timeline.Entry] = []
  var failures: [RehearsalFailure] = []
}

/// Something that did not go as it should.
struct RehearsalFailure: Sendable, Hashable {
  var cluster: ObjectReference
  /// One sentence.
  var message: String
  /// What to do next; nil where the message says it.
  var hint: String?
  /// The end of what the script said.
  var output: [String] = []
}

/// A rehearsal cannot be run.
struct RehearsalError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
