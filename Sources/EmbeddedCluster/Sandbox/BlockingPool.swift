import Dispatch

/// A few threads for work that waits for the disk, so that it never holds up a task.
///
/// Work under the same key is done one after another, in the order in which it was given.
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
}
