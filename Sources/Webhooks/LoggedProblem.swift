import Synchronization

/// Makes a problem be logged once until it is solved. Without it, anybody who can send requests could fill the log.
final class LoggedProblem: Sendable {
  private let isLogged = Mutex(false)

  /// - Parameter exists: whether the problem exists now.
  /// - Returns: whether it must be logged.
  func isNew(_ exists: Bool) -> Bool {
    isLogged.withLock { isLogged in
      defer { isLogged = exists }
      return exists && !isLogged
    }
  }
}
