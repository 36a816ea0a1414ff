import CLibgit2
import Synchronization

extension GitRepository {
  /// Reads many blobs and makes something of each, on several handles at once.
  ///
  /// - Parameters:
  ///   - ids: what to read.
  ///   - limit: how many bytes of one blob are read; nothing is loaded of a larger one.
  ///   - total: how many bytes are read in all. The same blob counts each time that it is asked for.
  ///   - threads: how many handles read side by side.
  ///   - body: gets the position in `ids` and the bytes, which live only during the call; runs on the reading
  ///     threads.
  /// - Returns: what `body` made, in the order of `ids`.
  /// - Throws: `GitError` of the first blob that could not be read, of kind `.tooLarge` beyond `total`;
  ///   `CancellationError` where the task was cancelled.
  public nonisolated func readBlobs<Value: Sendable>(
    _ ids: [ObjectID], limit: Int, total: Int = 128 << 20, threads: Int = 2,
    _ body: @escaping @Sendable (Int, BlobContent<UnsafeRawBufferPointer>) -> Value
  ) async throws -> [Value] {
    let chunk = 128
    let next = Counter()
    let limits = BlobLimits(each: limit, total: total)
    let count = (ids.count + chunk - 1) / chunk
    if ids.isEmpty { return [] }
    return try await withThrowingTaskGroup(of: [(Int, [Value])].self) { group in
      for worker in 0..<max(1, min(threads, count)) {
        let repository = worker == 0 ? self : sibling()
        group.addTask {
          try await repository.readChunks(ids, chunk: chunk, next, limits, body)
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
    _ ids: [ObjectID], chunk: Int, _ next: Counter, _ limits: BlobLimits,
    _ body: @Sendable (Int, BlobContent<UnsafeRawBufferPointer>) -> Value
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
        let id = ids[position]
        let size = try handle.size(of: id, GIT_OBJECT_BLOB)
        guard size <= limits.each else {
          values.append(body(position, .tooLarge(size: size)))
          continue
        }
        guard limits.take(size) else { throw limits.exceeded }
        values.append(try handle.load(id).withBytes { body(position, .bytes($0)) })
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

/// How much of many blobs is read.
private final class BlobLimits: Sendable {
  let each: Int
  private let total: Int
  private let taken = Atomic<Int>(0)

  init(each: Int, total: Int) { (self.each, self.total) = (each, total) }

  /// Counts a blob; false where that is more than is read in all.
  func take(_ size: Int) -> Bool { taken.wrappingAdd(size, ordering: .relaxed).newValue <= total }

  var exceeded: GitError {
    GitError(
      .tooLarge, "the files have more than \(total >> 20) MiB together, which is more than is read",
      hint: "narrow the globs in .kdops.yaml, or remove files")
  }
}
