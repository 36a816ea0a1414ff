import Values

/// A file's bytes seen as lines, so that parsers and renderers agree on what a line and a column are.
///
/// Lines end at `\n`; a `\r` before it belongs to the line's end. Columns are Unicode scalars. Bytes that are
/// not UTF-8 count as one column each and are shown as U+FFFD.
public struct SourceText: Sendable {
  private let bytes: [UInt8]
  /// The byte at which each line begins; never empty.
  private let lineStarts: [Int]
  /// How many scalars begin before each multiple of `markDistance` bytes, so that a place in a long line is found without
  /// counting the line; nil where the bytes are no UTF-8 and have to be decoded.
  private let marks: [Int]?
  private static let markDistance = 1024

  public init(_ bytes: [UInt8]) {
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

  /// The text of a line without its end, or nil where the file has no such line. Lines count from 1.
  public func line(_ number: Int) -> String? {
    guard lineStarts.indices.contains(number - 1) else { return nil }
    let start = lineStarts[number - 1]
    return String(decoding: bytes[start..<endOfLine(from: start)], as: UTF8.self)
  }

  /// The line and the column of the scalar that begins at, or holds, a byte; past the end, the place right
  /// after the last one. Both count from 1.
  public func position(ofByte offset: Int) -> (line: Int, column: Int) {
    let offset = min(max(offset, 0), bytes.count)
    let line = lineNumber(holding: offset)
    return (line, columns(lineStarts[line - 1]..<offset) + 1)
  }

  /// The byte at which the scalar with that number begins, counting from 0; the length of the text when it
  /// has fewer.
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

  /// A place in a file that begins at one byte and reaches to another, at most to the end of its line.
  public func location(file: String, from start: Int, to end: Int) -> SourceLocation {
    let start = min(max(start, 0), bytes.count)
    let end = min(max(end, start), endOfLine(from: start))
    let (line, column) = position(ofByte: start)
    return SourceLocation(
      file: file, line: line, column: column, length: end > start ? max(columns(start..<end), 1) : 1)
  }

  /// The byte at which the line begins that holds a byte.
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
