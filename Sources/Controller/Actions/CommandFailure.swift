import ClusterAPI
import KubeDirector
import Upgrade
import Values

/// Consecutive attempts of a pod's command that had no result.
struct CommandAttempts: Sendable, Hashable {
  /// All failed attempts, for any reason.
  var total = 0
  /// The attempts in which the command could not be started.
  var notStarted = 0
}

/// The category of an `exec` error, which decides whether the pod order is retried.
enum CommandFailure: Sendable, Hashable {
  /// The pod may be terminating, the connection broken or the server busy. Retried until the command runs.
  case passing
  /// A permission or a feature of the server is missing. Retried until it is there.
  case refused
  /// Nothing of the command has run, for example because the machine has no free memory or processes, or the image has
  /// no shell. Retried with back-off, a limited number of times.
  case notStarted
  /// The command ran and was ended from outside. It runs again only on request.
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

  /// The maximum number of start failures, about two minutes in total. A machine under load starts a process again
  /// within that time; an image without a shell never does.
  static let startAttempts = 20

  /// How long to wait before the next attempt; nil for no further attempt.
  func wait(after attempts: CommandAttempts) -> Duration? {
    switch self {
    case .refused: .seconds(5)
    case .passing: Self.backoff(attempts.total)
    case .notStarted: attempts.notStarted < Self.startAttempts ? Self.backoff(attempts.notStarted) : nil
    case .ended: nil
    }
  }

  /// One second for the first attempts, then up to ten seconds.
  private static func backoff(_ attempts: Int) -> Duration {
    Backoff(first: .seconds(1), limit: .seconds(10)).longest(attempt: attempts - 5)
  }

  /// Whether the failure is reported to users. Failures that pass within some seconds are not; a missing permission
  /// does not pass, so it is reported at once.
  func isReported(after attempts: CommandAttempts) -> Bool {
    attempts.total.isMultiple(of: 5) || (self == .refused && attempts.total == 1)
  }

  /// Whether the cluster's status shows the failure: it does not pass within some seconds.
  func isLasting(after attempts: CommandAttempts) -> Bool {
    switch self {
    case .refused: true
    case .notStarted: attempts.notStarted >= 5
    case .passing, .ended: false
    }
  }

  /// The waiting reason of a container whose commands keep failing.
  static let waitingReason = StatusReason.commandNotStarted

  /// Describes for users what happens next.
  func outlook(after attempts: CommandAttempts) -> String {
    self == .notStarted
      ? "it is tried again, \(Self.startAttempts - attempts.notStarted) more times"
      : "it is tried again until it can be"
  }

  /// The result of an order that is not retried.
  func result(_ error: APIError, after attempts: CommandAttempts) -> PodResult {
    guard self != .ended else { return PodResult(exitCode: Self.killed, failure: .ended(error.message)) }
    let times = attempts.notStarted > 1 ? "; tried \(attempts.notStarted) times" : ""
    return PodResult(exitCode: Self.notRun, failure: .notStarted(error.message + times))
  }

  /// A shell's exit code for a command that exists and cannot be run.
  private static let notRun = 126
  /// A shell's exit code for a command that was killed.
  private static let killed = 137
}
