import GitStore
import Manifests
import Synchronization

/// Limits the total size of a repository's files: their bytes, and their values, because a parsed value takes up to a
/// hundred times its bytes in memory. Files that are read concurrently share it.
public final class ReadingBudget: Sendable {
  private let limits: ManifestLimits
  private let values = Atomic<Int>(0)
  private let bytes = Atomic<Int>(0)

  public init(_ limits: ManifestLimits = .standard) { self.limits = limits }

  /// Whether the files that were counted exceed a limit. Further files need not be read then.
  public var isExceeded: Bool {
    values.load(ordering: .relaxed) > limits.totalNodes || bytes.load(ordering: .relaxed) > limits.totalBytes
  }

  /// Counts a file.
  ///
  /// - Parameter bytes: 0 if the caller limits the size of all files itself.
  public func take(values moreValues: Int, bytes moreBytes: Int = 0) {
    values.wrappingAdd(moreValues, ordering: .relaxed)
    bytes.wrappingAdd(moreBytes, ordering: .relaxed)
  }

  /// - Throws: `GitError` of kind `.tooLarge` if the files that were counted exceed a limit.
  public func check() throws(GitError) {
    try check(values: values.load(ordering: .relaxed))
    guard bytes.load(ordering: .relaxed) > limits.totalBytes else { return }
    throw refusal("\(limits.totalBytes >> 20) MiB")
  }

  /// - Throws: `GitError` of kind `.tooLarge` if there are more values than the limit.
  public func check(values count: Int) throws(GitError) {
    guard count > limits.totalNodes else { return }
    throw refusal("\(limits.totalNodes) values", ", or set KDOPS_MAX_VALUES to more")
  }

  private func refusal(_ limit: String, _ remedy: String = "") -> GitError {
    GitError(
      .tooLarge, "the files have more than \(limit) together, which is more than is read",
      hint: "narrow the globs in .kdops.yaml, or remove files\(remedy)")
  }
}
