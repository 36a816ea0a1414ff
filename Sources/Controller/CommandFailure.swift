import ClusterAPI
import Upgrade

/// How often in a row a pod's command had no result.
struct CommandAttempts: Sendable, Hashable {
  /// For whatever reason.
  var total = 0
  /// How often of these it could not be started.
  var notStarted = 0
}

/// What an error of `exec` means for the order that the command was for.
enum CommandFailure: Sendable, Hashable {
  /// The pod may be going, the connection cut, the server busy: tried again for as long as that lasts.
  case passing
  /// A permission or a feature of the server is missing: tried again until it is there.
  case refused
  /// Nothing of the command has run, as on a machine without free memory or processes, or in an image without a shell:
  /// tried again with back-off, a limited number of times.
  case notStarted
  /// The command ran and was ended from outside. It is run again on request only.
  case ended

  init(_ error: APIError) {
    self =
      switch error.kind {
      case .forbidden, .unauthorized, .unsupported: .refused
      case .timeout, .limitExceeded: .ended
      case .notFound, .conflict, .gone, .throttled, .unavailable, .notRunning: .passing
      case .notStarted, .invalid, .alreadyExists, .other: .notStarted
      }
  }

  /// Some two minutes: a machine under load starts a process again within that, an image without a shell never does.
  static let startAttempts = 20

  /// How long the order waits until it is tried again; nil where it is not.
  func wait(after attempts: CommandAttempts) -> Duration? {
    switch self {
    case .refused: .seconds(5)
    case .passing: Self.backoff(attempts.total)
    case .notStarted: attempts.notStarted < Self.startAttempts ? Self.backoff(attempts.notStarted) : nil
    case .ended: nil
    }
  }

  /// A second at first, later up to ten.
  private static func backoff(_ attempts: Int) -> Duration {
    .seconds(min(10, 1 << min(max(0, attempts - 5), 4)))
  }

  /// Whether people are told: what passes within some seconds concerns nobody; a missing permission does not pass.
  func isReported(after attempts: CommandAttempts) -> Bool {
    attempts.total.isMultiple(of: 5) || (self == .refused && attempts.total == 1)
  }

  /// What happens next, in words.
  func outlook(after attempts: CommandAttempts) -> String {
    self == .notStarted
      ? "it is tried again, \(Self.startAttempts - attempts.notStarted) more times"
      : "it is tried again until it can be"
  }

  /// What the order ends with where it is not tried again.
  func result(_ error: APIError, after attempts: CommandAttempts) -> PodResult {
    guard self != .ended else { return PodResult(exitCode: Self.killed, failure: .ended(error.message)) }
    let times = attempts.notStarted > 1 ? "; tried \(attempts.notStarted) times" : ""
    return PodResult(exitCode: Self.notRun, failure: .notStarted(error.message + times))
  }

  /// What a shell answers for a command that is there and cannot be run.
  private static let notRun = 126
  /// What a shell answers for a command that was killed.
  private static let killed = 137
}
