import Dispatch

/// A small thread pool for blocking disk work, so that it never blocks a task.
///
/// Work with the same key runs in the order in which it was submitted, one item at a time.
final class BlockingPool: Sendable {
  private let queues: [DispatchQueue]

  init(width: Int = 2) {
    queues = (0..<max(1, width)).map { DispatchQueue(label: "dev.kdops.embedded.files-\($0)") }
  }

  func run<Value: Sendable>(key: String, _ work: @escaping @Sendable () throws -> Value) async throws -> Value
  {
    let queue = queues[Int(UInt(bitPattern: key.hashValue) % UInt(queues.count))]
    return try await withCheckedThrowingContinuation { continuation in
      queue.async { continuation.resume(with: Result(catching: work)) }
    }
  }

  /// Runs work that may block for long on a thread of its own, so that it delays no other work.
  static func runAlone(_ work: @escaping @Sendable () -> Void) {
    DispatchQueue(label: "dev.kdops.embedded.alone").async(execute: work)
  }
}
