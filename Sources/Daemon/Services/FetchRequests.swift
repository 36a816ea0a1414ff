import Reconciler

/// Passes requests to fetch to the daemon that leads: to the reconciler of this process, or else to another process.
public final class FetchRequests: Sendable {
  private let reconciler = Shared<Reconciler?>(nil)
  private let forward: @Sendable () async throws -> Void

  /// - Parameter forward: passes a request to another process while this one does not lead.
  public init(forward: @escaping @Sendable () async throws -> Void = {}) { self.forward = forward }

  /// Makes the leading daemon fetch; does not wait for the end of the fetch.
  public func fetch() async throws {
    guard let reconciler = reconciler.value else { return try await forward() }
    await reconciler.fetchNow()
  }

  /// Sets the reconciler of this process; nil while it does not lead.
  public func attach(_ reconciler: Reconciler?) { self.reconciler.value = reconciler }
}
