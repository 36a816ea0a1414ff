import Glibc

/// Limits on a file, so that no file can exhaust memory or time.
public struct ManifestLimits: Sendable, Hashable {
  /// Bytes in a file.
  public var bytes = 1 << 20
  /// Levels of nesting in a document.
  public var depth = 64
  /// Values in a file, where each alias counts as everything that it expands to.
  public var nodes = 100_000
  /// Values in all files of a repository together, counted as in `nodes`. A repository with 40,000 ordinary clusters
  /// stays below this limit. The environment variable `valuesVariable` sets another one, because memory grows with it.
  public var totalNodes = 2_000_000
  /// Bytes in all files of a repository together.
  public var totalBytes = 128 << 20
  /// Bytes of scalars in a file, where each alias counts as everything that it expands to.
  public var expandedBytes = 4 << 20

  public static let standard: ManifestLimits = {
    var limits = ManifestLimits()
    if let text = getenv(valuesVariable), let number = values(String(cString: text)) {
      limits.totalNodes = number
    }
    return limits
  }()

  /// The environment variable that sets `totalNodes`.
  public static let valuesVariable = "KDOPS_MAX_VALUES"

  /// The number that `valuesVariable` sets; nil if the text is not a number from 1 to 1,000,000,000.
  public static func values(_ text: String) -> Int? {
    Int(text).flatMap { (1...1_000_000_000).contains($0) ? $0 : nil }
  }

  public init() {}
}
