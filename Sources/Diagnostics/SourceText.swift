/// A file's bytes seen as lines, so that parsers and renderers agree on what a line and a column are.
///
/// Lines end at `\n`; a `\r` before it belongs to the line's end. Columns are Unicode scalars. Bytes that are
/// not UTF-8 count as one column each and are shown as U+FFFD.
public struct SourceText: Sendable {
  private let bytes: [UInt8]

  public init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The text of a line without its end, or nil where the file has no such line. Lines count from 1.
  public func line(_ number: Int) -> String? {
    guard number >= 1 else { return nil }
    var start = 0
    for _ in 1..<number {
      guard let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) else { return nil }
      start = end + 1
    }
    return String(decoding: bytes[start..<endOfLine(from: start)], as: UTF8.self)
  }

  /// The line and the column of the scalar that begins at, or holds, a byte; past the end, the place right
  /// after the last one. Both count from 1.
  public func position(ofByte offset: Int) -> (line: Int, column: Int) {
    let offset = min(max(offset, 0), bytes.count)
    let before = bytes[..<offset]
    let line = before.count { $0 == UInt8(ascii: "\n") } + 1
    let start = startOfLine(holding: offset)
    return (line, String(decoding: bytes[start..<offset], as: UTF8.self).unicodeScalars.count + 1)
  }

  /// The byte at which the scalar with that number begins, counting from 0; the length of the text when it
  /// has fewer.
  public func byte(ofScalar number: Int) -> Int {
    var left = number
    for (offset, byte) in bytes.enumerated() where byte & 0xC0 != 0x80 {
      if left == 0 { return offset }
      left -= 1
    }
    return bytes.count
  }

  /// A place in a file that begins at one byte and reaches to another, at most to the end of its line.
  public func location(file: String, from start: Int, to end: Int) -> SourceLocation {
    let start = min(max(start, 0), bytes.count)
    let end = min(max(end, start), endOfLine(from: start))
    let (line, column) = position(ofByte: start)
    let length = end > start ? String(decoding: bytes[start..<end], as: UTF8.self).unicodeScalars.count : 1
    return SourceLocation(file: file, line: line, column: column, length: max(length, 1))
  }

  /// The byte at which the line begins that holds a byte.
  public func startOfLine(holding offset: Int) -> Int {
    let before = bytes[..<min(max(offset, 0), bytes.count)]
    return before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
  }

  private func endOfLine(from start: Int) -> Int {
    let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
    return end > start && bytes[end - 1] == UInt8(ascii: "\r") ? end - 1 : end
  }
}
