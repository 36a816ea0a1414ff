import CLibgit2
import Synchronization

extension GitRepository {
  /// Reads many blobs on several handles concurrently and transforms each.
  ///
  /// - Parameters:
  ///   - ids: the blobs to read.
  ///   - limit: the most bytes to read of one blob; a larger one is not loaded at all.
  ///   - total: the most bytes to read overall. A blob that is listed twice counts twice.
  ///   - unpacked: the most bytes to unpack from packs, including the bases of deltas.
  ///   - threads: how many handles read concurrently.
  ///   - body: gets the position in `ids` and the bytes, which are valid only during the call; runs on the
  ///     reading threads.
  /// - Returns: the results of `body`, in the order of `ids`.
  /// - Throws: the `GitError` of the first blob that cannot be read, of kind `.tooLarge` beyond `total`
  ///   or `unpacked`;
  ///   `CancellationError` if the task is cancelled.
  public nonisolated func readBlobs<Value: Sendable>(
    _ ids: [ObjectID], limit: Int, total: Int = 128 << 20, unpacked: Int = 4 << 30, threads: Int = 2,
    _ body: @escaping @Sendable (Int, BlobContent<UnsafeRawBufferPointer>) -> Value
  ) async throws -> [Value] {
    let chunk = 128
    let next = Counter()
    let limits = BlobLimits(each: limit, total: total, unpacked: unpacked)
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
    handle.budget = limits.unpacking
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
        guard let size = try handle.sizeOfFile(id) else {
          values.append(body(position, .baseTooLarge))
          continue
        }
        guard size <= limits.each else {
          values.append(body(position, .tooLarge(size: size)))
          continue
        }
        guard try handle.canUnpack(id, size: size) else {
          values.append(body(position, .baseTooLarge))
          continue
        }
        guard limits.take(size) else { throw limits.exceeded }
        values.append(try handle.load(id, size: size).withBytes { body(position, .bytes($0)) })
      }
      result.append((index, values))
    }
  }
}

/// Returns 0, 1, 2, … to concurrent callers.
private final class Counter: Sendable {
  private let next = Atomic<Int>(0)

  func take() -> Int { next.wrappingAdd(1, ordering: .relaxed).oldValue }
}

/// The size limits for reading many blobs.
private final class BlobLimits: Sendable {
  let each: Int
  private let total: Int
  private let taken = Atomic<Int>(0)
  /// Shared by all handles.
  let unpacking: UnpackBudget

  init(each: Int, total: Int, unpacked: Int) {
    (self.each, self.total, unpacking) = (each, total, UnpackBudget(unpacked))
  }

  /// Counts a blob; returns false if the total limit is exceeded.
  func take(_ size: Int) -> Bool { taken.wrappingAdd(size, ordering: .relaxed).newValue <= total }

  var exceeded: GitError {
    GitError(
      .tooLarge, "the files have more than \(total >> 20) MiB together, which is more than is read",
      hint: "narrow the globs in .kdops.yaml, or remove files")
  }
}
