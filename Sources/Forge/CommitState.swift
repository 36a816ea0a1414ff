import StatusWriter

/// How a commit stands, as a forge shows it beside the commit.
public struct CommitState: Sendable, Hashable {
  /// The words that forges have for it.
  public enum State: String, Sendable, Hashable {
    case pending
    case running
    case success
    case failed
  }

  /// All 40 hexadecimal digits.
  public var commit: String
  public var state: State
  /// One line; credentials are cut out of it already.
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

  /// Whether saying this after that tells anybody anything. Progress alone does not: GitLab takes a state that goes on
  /// only once, and GitHub at most 1000 states of a commit.
  func isNews(after told: CommitState?) -> Bool {
    guard let told, told.state == state else { return true }
    return (state == .success || state == .failed) && told.description != description
  }
}
