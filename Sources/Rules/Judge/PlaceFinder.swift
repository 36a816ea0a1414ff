import Diagnostics
import Manifests
import Values

/// Finds the line and column of findings. Reads each file with findings once.
struct PlaceFinder {
  private let base: Snapshot?
  private let head: Snapshot
  private var read: [Key: ManifestPositions?] = [:]

  private struct Key: Hashable {
    var side: Violation.Side
    var path: String
  }

  init(base: Snapshot?, head: Snapshot) {
    self.base = base
    self.head = head
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
    let contents = side == .old ? base?.contents : head.contents
    let positions = contents?(path).map { ManifestPositions(path: path, bytes: $0) }
    read[key] = .some(positions)
    return positions
  }
}
