import Diagnostics
import Manifests
import Values

/// Finds the line and column of findings.
///
/// The places in a file take up to a hundred times its bytes in memory, so only those of the files that were needed last
/// are kept. The bytes that are parsed in all are limited too; findings beyond that are placed at the beginning of
/// their file.
struct PlaceFinder {
  private let base: Snapshot?
  private let head: Snapshot
  private var read = WeightedCache<Key, ManifestPositions?>(limit: 2 << 20)
  private var left: Int

  /// The bytes of all files in which places are found.
  static let standardLimit = 64 << 20
  /// The minimum size, in bytes, with which a file counts, for its entry in the table.
  private static let smallest = 256

  private struct Key: Hashable {
    var side: Violation.Side
    var path: String
  }

  /// - Parameter limit: The bytes of all files in which places are found; a file counts each time that it is parsed.
  init(base: Snapshot?, head: Snapshot, limit: Int = Self.standardLimit) {
    self.base = base
    self.head = head
    left = limit
  }

  /// Nil for an object without a file; the beginning of the file if its text is not available.
  mutating func place(of violation: Violation, in source: Source?) -> SourceLocation? {
    guard let source else { return nil }
    guard let positions = positions(violation.side, source.path) else {
      return SourceLocation(file: source.path)
    }
    return positions.location(at: source.prefix + violation.path, document: source.document)
  }

  /// The place of a schema finding, and its hint. If only quotes are missing, the hint includes the text of the file.
  mutating func place(of finding: SchemaFinding, in source: Source?) -> (SourceLocation?, hint: String?) {
    guard let source else { return (nil, finding.hint) }
    guard let positions = positions(.new, source.path) else {
      return (SourceLocation(file: source.path), finding.hint)
    }
    let path = source.prefix + finding.path
    let written = finding.wantsQuotes ? positions.scalarText(at: path, document: source.document) : nil
    return (
      positions.location(
        of: finding.kind == .unknownField ? .key : .value, at: path, document: source.document),
      written.map { "write it in quotes: \"\($0)\"" } ?? finding.hint
    )
  }

  private mutating func positions(_ side: Violation.Side, _ path: String) -> ManifestPositions? {
    let key = Key(side: side, path: path)
    if let known = read[key] { return known }
    guard left > 0 else { return nil }
    let contents = side == .old ? base?.contents : head.contents
    let bytes = contents?(path)
    let positions = bytes.map { ManifestPositions(path: path, bytes: $0) }
    let weight = max(bytes?.count ?? 0, Self.smallest)
    left -= weight
    read.insert(positions, weight: weight, for: key)
    return positions
  }
}
