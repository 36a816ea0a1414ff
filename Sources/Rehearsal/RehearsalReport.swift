import Diagnostics
import KubeDirector
import Values

/// What came of a rehearsal.
public struct RehearsalReport: Sendable {
  var base: String
  var head: String
  /// In the order in which they were played.
  public var acts: [ActReport] = []
  /// What was not rehearsed, and why: a sentence each.
  public var omitted: [String]
  /// Whether the change, or a part of it, would be rejected.
  public var isRejected = false

  /// Nothing was played yet.
  public init(base: String, head: String, omitted: [String]) {
    (self.base, self.head, self.omitted) = (base, head, omitted)
  }

  /// Whether all went well.
  public var hasPassed: Bool { !isRejected && acts.allSatisfy(\.failures.isEmpty) }
}

/// What came of one way through it.
public struct ActReport: Sendable {
  var kind: RehearsalAct.Kind
  var clusters: [ObjectReference]
  var took: Duration = .zero
  var entries: [Timeline.Entry] = []
  var failures: [RehearsalFailure] = []
}

/// Something that did not go as it should.
public struct RehearsalFailure: Sendable, Hashable {
  var cluster: ObjectReference
  /// One sentence.
  var message: String
  /// What to do next; nil where the message says it.
  var hint: String?
  /// The end of what the script said.
  var output: [String] = []
}

/// A rehearsal cannot be run.
public struct RehearsalError: Error, CustomStringConvertible {
  public let description: String

  /// - Parameter description: one sentence.
  public init(_ description: String) { self.description = description }
}
