import NIOCore

/// Splits a stream of bytes into lines, without copying a line that arrived in one piece.
struct LineBuffer: Sendable {
  private var buffer = ByteBuffer()
  /// The number of bytes that are known to contain no line break.
  private var scanned = 0

  /// The number of bytes that do not form a complete line yet.
  var pendingBytes: Int { buffer.readableBytes }

  mutating func append(_ bytes: ByteBuffer) {
    if buffer.readableBytes == 0 {
      buffer = bytes
    } else {
      buffer.discardReadBytes()
      buffer.writeImmutableBuffer(bytes)
    }
  }

  /// Passes the next complete line, without its line break, to the body and removes it; nil if there is none.
  mutating func next<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result? {
    let start = scanned
    let end = buffer.withUnsafeReadableBytes { $0[start...].firstIndex(of: UInt8(ascii: "\n")) }
    guard let end else {
      scanned = buffer.readableBytes
      return nil
    }
    defer {
      buffer.moveReaderIndex(forwardBy: end + 1)
      scanned = 0
    }
    return try buffer.withUnsafeReadableBytes { try body(UnsafeRawBufferPointer(rebasing: $0[..<end])) }
  }
}
