import Synchronization

/// Limits the bytes of request bodies in memory, for all connections together.
///
/// A parsed body uses about twenty times its size. The limit bounds the memory that clients can make the daemon
/// use, because the same process runs the reconciler.
public final class BodyBudget: Sendable {
  /// About a hundred admission reviews of the usual size, or two of the largest.
  public static let limit = 8 << 20

  private let left: Mutex<Int>

  /// - Parameter limit: in bytes.
  public init(limit: Int = limit) { left = Mutex(limit) }

  /// Returns the share of one request, which is released when its last reference is gone.
  public func share() -> Share { Share(self) }

  /// The bytes of one request.
  public final class Share: Sendable {
    private let budget: BodyBudget
    private let taken = Mutex(0)

    fileprivate init(_ budget: BodyBudget) { self.budget = budget }

    deinit {
      let count = taken.withLock { $0 }
      budget.left.withLock { $0 += count }
    }

    /// - Returns: false if all requests together would exceed the limit.
    public func take(_ count: Int) -> Bool {
      let isTaken = budget.left.withLock { left in
        guard count <= left else { return false }
        left -= count
        return true
      }
      if isTaken { taken.withLock { $0 += count } }
      return isTaken
    }
  }
}
