import Reports

/// The status of a commit, as a forge shows it beside the commit.
public struct CommitState: Sendable, Hashable {
  /// The states that forges support.
  public enum State: String, Sendable, Hashable {
    case pending
    case running
    case success
    case failed
  }

  /// All 40 hexadecimal digits.
  public var commit: String
  public var state: State
  /// One line; credentials are already redacted.
  public var description: String

  public init(commit: String, state: State, description: String) {
    self.commit = commit
    self.state = state
    self.description = description
  }

  public init(_ report: CommitReport) {
    let state: State =
      switch report.phase {
      case .pending, .waiting: .pending
      case .upgrading, .rollingBack: .running
      case .done: .success
      case .rejected, .failed: .failed
      }
    self.init(commit: report.commit, state: state, description: report.sentence)
  }

  /// Whether this state is worth sending after the last sent one. Progress alone is not: GitLab accepts a
  /// running state only once, and GitHub at most 1000 statuses per commit.
  func isNews(after reported: CommitState?) -> Bool {
    guard let reported, reported.state == state else { return true }
    return (state == .success || state == .failed) && reported.description != description
  }
}
