import Diagnostics
import KubeDirector
import Values

/// The result of a rehearsal.
public struct RehearsalReport: Sendable {
  var base: String
  var head: String
  /// In the order in which they ran.
  public var acts: [ActReport] = []
  /// The parts that were not rehearsed, each with the reason in one sentence.
  public var omitted: [String]
  /// Whether the change, or a part of it, would be rejected.
  public var isRejected = false

  /// Creates a report without acts.
  public init(base: String, head: String, omitted: [String]) {
    (self.base, self.head, self.omitted) = (base, head, omitted)
  }

  /// Whether there were no failures.
  public var hasPassed: Bool { !isRejected && acts.allSatisfy(\.failures.isEmpty) }
}

/// The result of one act.
public struct ActReport: Sendable {
  var kind: RehearsalAct.Kind
  var clusters: [ObjectReference]
  var took: Duration = .zero
  var entries: [Timeline.Entry] = []
  var failures: [RehearsalFailure] = []
}

/// A failure in a rehearsal.
public struct RehearsalFailure: Sendable, Hashable {
  var cluster: ObjectReference
  /// One sentence.
  var message: String
  /// What to do next; nil if the message contains it.
  var hint: String?
  /// The last lines of the script's output.
  var output: [String] = []
}

/// An error that prevents a rehearsal from running.
public struct RehearsalError: Error, CustomStringConvertible {
  public let description: String

  /// - Parameter description: One sentence.
  public init(_ description: String) { self.description = description }
}
