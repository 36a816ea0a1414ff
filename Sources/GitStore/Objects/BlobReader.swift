import CLibgit2
import Synchronization

extension GitRepository {
  /// Reads many blobs on several handles concurrently and transforms each.
  ///
  /// - Parameters:
  ///   - ids: the blobs to read.
  ///   - limit: the most bytes to read of one blob; a larger one is not loaded at all.
  ///   - total: the most bytes to read overall. A blob that is listed twice counts twice.
  ///   - threads: how many handles read concurrently.
  ///   - body: gets the position in `ids` and the bytes, which are valid only during the call; runs on the
  ///     reading threads.
  /// - Returns: the results of `body`, in the order of `ids`.
  /// - Throws: the `GitError` of the first blob that cannot be read, of kind `.tooLarge` beyond `total`;
  ///   `CancellationError` if the task is cancelled.
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
        do throws(GitError) {
          values.append(try handle.load(id, size: size).withBytes { body(position, .bytes($0)) })
        } catch {
          guard error.kind == .tooLarge, limits.takeRefusal() else { throw error }
          values.append(body(position, .baseTooLarge))
        }
      }
      result.append((index, values))
    }
  }
}

/// Hands out 0, 1, 2, … to concurrent callers.
private final class Counter: Sendable {
  private let next = Atomic<Int>(0)

  func take() -> Int { next.wrappingAdd(1, ordering: .relaxed).oldValue }
}

/// The size limits for reading many blobs.
private final class BlobLimits: Sendable {
  let each: Int
  private let total: Int
  private let taken = Atomic<Int>(0)
  private let refused = Atomic<Int>(0)
  /// libgit2 does not free the base of a difference that it could not apply for lack of memory.
  private static let refusals = 4

  /// Counts an object that could not be unpacked; returns false if there were too many.
  func takeRefusal() -> Bool { refused.wrappingAdd(1, ordering: .relaxed).newValue <= Self.refusals }

  init(each: Int, total: Int) { (self.each, self.total) = (each, total) }

  /// Counts a blob; returns false if the total limit is exceeded.
  func take(_ size: Int) -> Bool { taken.wrappingAdd(size, ordering: .relaxed).newValue <= total }

  var exceeded: GitError {
    GitError(
      .tooLarge, "the files have more than \(total >> 20) MiB together, which is more than is read",
      hint: "narrow the globs in .kdops.yaml, or remove files")
  }
}
