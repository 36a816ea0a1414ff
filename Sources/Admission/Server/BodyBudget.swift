import Synchronization

/// How many bytes of bodies are held at a time, by all connections together.
///
/// A review becomes a tree that is some twenty times its size; so few bytes at a time bound what clients can make the
/// daemon take, which has a reconciler to run as well.
final class BodyBudget: Sendable {
  /// Some hundred reviews of the usual size, or two of the largest.
  static let limit = 8 << 20

  private let left: Mutex<Int>

  init(limit: Int = limit) { left = Mutex(limit) }

  /// What one request takes; given back when nobody has it any more.
  func share() -> Share { Share(self) }

  final class Share: Sendable {
    private let budget: BodyBudget
    private let taken = Mutex(0)

    fileprivate init(_ budget: BodyBudget) { self.budget = budget }

    deinit {
      let count = taken.withLock { $0 }
      budget.left.withLock { $0 += count }
    }

    /// - Returns: false where all requests together would hold too much.
    func take(_ count: Int) -> Bool {
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
