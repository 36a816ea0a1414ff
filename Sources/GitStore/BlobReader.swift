import CLibgit2
import Synchronization

extension GitRepository {
  /// Reads many blobs and makes something of each, on several handles at once.
  ///
  /// - Parameters:
  ///   - ids: what to read.
  ///   - threads: how many handles read side by side.
  ///   - body: gets the position in `ids` and the bytes, which live only during the call; runs on the reading
  ///     threads.
  /// - Returns: what `body` made, in the order of `ids`.
  /// - Throws: `GitError` of the first blob that could not be read; `CancellationError` where the task was
  ///   cancelled.
  public nonisolated func readBlobs<Value: Sendable>(
    _ ids: [ObjectID], threads: Int = 2,
    _ body: @escaping @Sendable (Int, UnsafeRawBufferPointer) -> Value
  ) async throws -> [Value] {
    let chunk = 128
    let next = Counter()
    let count = (ids.count + chunk - 1) / chunk
    if ids.isEmpty { return [] }
    return try await withThrowingTaskGroup(of: [(Int, [Value])].self) { group in
      for worker in 0..<max(1, min(threads, count)) {
        let repository = worker == 0 ? self : sibling()
        group.addTask {
          try await repository.readChunks(ids, chunk: chunk, next, body)
        }
      }
      var chunks: [[Value]] = Array(repeating: [], count: count)
      for try await part in group {
        for (index, values) in part { chunks[index] = values }
      }
      return Array(chunks.joined())
    }
  }

  private func readChunks<Value: Sendable>(
    _ ids: [ObjectID], chunk: Int, _ next: Counter,
    _ body: @Sendable (Int, UnsafeRawBufferPointer) -> Value
  ) throws -> [(Int, [Value])] {
    let handle = try opened()
    var result: [(Int, [Value])] = []
    while true {
      let index = next.take()
      let start = index * chunk
      guard start < ids.count else { return result }
      try Task.checkCancellation()
      var values: [Value] = []
      values.reserveCapacity(chunk)
      for position in start..<min(start + chunk, ids.count) {
        values.append(try handle.read(ids[position], GIT_OBJECT_BLOB).withBytes { body(position, $0) })
      }
      result.append((index, values))
    }
  }
}

/// Deals out 0, 1, 2, … to whoever asks.
private final class Counter: Sendable {
  private let next = Atomic<Int>(0)

  func take() -> Int { next.wrappingAdd(1, ordering: .relaxed).oldValue }
}
