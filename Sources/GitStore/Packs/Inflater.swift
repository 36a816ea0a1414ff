import CLibgit2

/// Unpacks streams in zlib's format piece by piece, one stream after another.
final class Inflater {
  /// Allocated separately, because zlib keeps a pointer to the stream.
  private let stream: UnsafeMutablePointer<z_stream>

  /// The result of one call.
  struct Step {
    let consumed: Int
    let produced: Int
    let state: State
  }

  enum State {
    /// The stream continues: more input or more space for output is needed.
    case open
    case ended
    case damaged
  }

  init() throws(GitError) {
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    guard inflateInit_(stream, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      stream.deallocate()
      throw GitError(.outOfMemory, "cannot unpack objects: there is not enough memory")
    }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  /// Prepares for another stream.
  func restart() { inflateReset(stream) }

  /// Unpacks as much as fits.
  func step(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Step {
    let (given, space) = (min(input.count, Self.most), min(output.count, Self.most))
    stream.pointee.next_in = UnsafeMutablePointer(
      mutating: input.baseAddress?.assumingMemoryBound(to: Bytef.self))
    stream.pointee.avail_in = UInt32(given)
    stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: Bytef.self)
    stream.pointee.avail_out = UInt32(space)
    let code = inflate(stream, Z_NO_FLUSH)
    let state: State =
      switch code {
      case Z_STREAM_END: .ended
      case Z_OK, Z_BUF_ERROR: .open
      default: .damaged
      }
    return Step(
      consumed: given - Int(stream.pointee.avail_in), produced: space - Int(stream.pointee.avail_out),
      state: state)
  }

  /// The most bytes that one call processes.
  private static let most = 1 << 30
}
