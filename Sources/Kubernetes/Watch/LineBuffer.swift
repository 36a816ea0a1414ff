import NIOCore

/// Cuts a stream of bytes into lines, without copying a line that came in one piece.
struct LineBuffer: Sendable {
  private var buffer = ByteBuffer()
  /// Bytes that are known to hold no end of a line.
  private var scanned = 0

  /// What has come and belongs to no whole line yet.
  var pendingBytes: Int { buffer.readableBytes }

  mutating func append(_ bytes: ByteBuffer) {
    if buffer.readableBytes == 0 {
      buffer = bytes
    } else {
      buffer.discardReadBytes()
      buffer.writeImmutableBuffer(bytes)
    }
  }

  /// Hands the next whole line over, without its end, and forgets it; nil where there is none.
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
