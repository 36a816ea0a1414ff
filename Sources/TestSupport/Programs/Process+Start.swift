import Foundation
import Synchronization

extension Process {
  private static let turn = Mutex(())

  /// Starts the program. Only one starts at a time: Foundation crashed when tests started many at once.
  public func start() throws {
    try Self.turn.withLock { _ in try run() }
  }
}
