import Values

/// A file's bytes as lines, so that parsers and renderers count lines and columns in the same way.
///
/// Lines end at `\n`; a `\r` before it is part of the line end. Columns count Unicode scalars. Bytes that are not
/// UTF-8 count as one column each and are shown as U+FFFD. A byte order mark at the beginning is not part of the text:
/// byte offsets count from the byte after it.
public struct SourceText: Sendable {
  private let bytes: [UInt8]
  /// The byte offset of each line's beginning; never empty.
  private let lineStarts: [Int]
  /// The number of scalars that begin before each multiple of `markDistance` bytes, so that a place in a long line is
  /// found without counting the whole line; nil if the bytes are not UTF-8 and must be decoded.
  private let marks: [Int]?
  private static let markDistance = 1024

  public init(_ bytes: [UInt8]) {
    let bytes = UTF8Check.withoutMark(bytes)
    self.bytes = bytes
    var starts = [0]
    var marks: [Int] = []
    var scalars = 0
    bytes.withUnsafeBufferPointer { bytes in
      for index in bytes.indices {
        if index % Self.markDistance == 0 { marks.append(scalars) }
        if bytes[index] & 0xC0 != 0x80 { scalars += 1 }
        if bytes[index] == UInt8(ascii: "\n") { starts.append(index + 1) }
      }
    }
    marks.append(scalars)
    lineStarts = starts
    self.marks = bytes.withUnsafeBytes { UTF8Check.validPrefix(of: $0) == $0.count } ? marks : nil
  }

  /// The text of a line without its line end; nil if the file has no such line. Line numbers start at 1.
  public func line(_ number: Int) -> String? {
    guard lineStarts.indices.contains(number - 1) else { return nil }
    let start = lineStarts[number - 1]
    return String(decoding: bytes[start..<endOfLine(from: start)], as: UTF8.self)
  }

  /// The line and column of the scalar that begins at, or contains, a byte; past the end, the place after the last
  /// scalar. Both start at 1.
  public func position(ofByte offset: Int) -> (line: Int, column: Int) {
    let offset = min(max(offset, 0), bytes.count)
    let line = lineNumber(holding: offset)
    return (line, columns(lineStarts[line - 1]..<offset) + 1)
  }

  /// The byte offset of the scalar with that index, from 0; the length of the text if it has fewer scalars.
  public func byte(ofScalar number: Int) -> Int {
    bytes.withUnsafeBufferPointer { bytes in
      var left = number
      for index in bytes.indices where bytes[index] & 0xC0 != 0x80 {
        if left == 0 { return index }
        left -= 1
      }
      return bytes.count
    }
  }

  /// The place in a file from one byte to another, at most to the end of the first byte's line.
  public func location(file: String, from start: Int, to end: Int) -> SourceLocation {
    let start = min(max(start, 0), bytes.count)
    let end = min(max(end, start), endOfLine(from: start))
    let (line, column) = position(ofByte: start)
    return SourceLocation(
      file: file, line: line, column: column, length: end > start ? max(columns(start..<end), 1) : 1)
  }

  /// The offset of the beginning of the line that contains a byte.
  public func startOfLine(holding offset: Int) -> Int {
    lineStarts[lineNumber(holding: min(max(offset, 0), bytes.count)) - 1]
  }

  private func lineNumber(holding offset: Int) -> Int {
    var (low, high) = (0, lineStarts.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if lineStarts[middle] <= offset { low = middle } else { high = middle }
    }
    return low + 1
  }

  private func endOfLine(from start: Int) -> Int {
    let line = lineNumber(holding: start)
    let end = line < lineStarts.count ? lineStarts[line] - 1 : bytes.count
    return end > start && bytes[end - 1] == UInt8(ascii: "\r") ? end - 1 : end
  }

  private func columns(_ range: Range<Int>) -> Int {
    guard let marks else { return String(decoding: bytes[range], as: UTF8.self).unicodeScalars.count }
    return scalars(before: range.upperBound, marks) - scalars(before: range.lowerBound, marks)
  }

  private func scalars(before offset: Int, _ marks: [Int]) -> Int {
    let mark = offset / Self.markDistance
    guard mark < marks.count else { return marks.last ?? 0 }
    return bytes.withUnsafeBufferPointer { bytes in
      bytes[(mark * Self.markDistance)..<offset].reduce(marks[mark]) { $0 + ($1 & 0xC0 != 0x80 ? 1 : 0) }
    }
  }
}
