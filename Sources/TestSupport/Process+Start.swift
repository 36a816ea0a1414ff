import Foundation
import Synchronization

extension Process {
  private static let turn = Mutex(())

  /// Starts the program. One at a time: Foundation was seen to crash where tests start many at once.
  public func start() throws {
    try Self.turn.withLock { _ in try run() }
  }
}
