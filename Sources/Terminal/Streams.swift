import Glibc

/// Plain writing to the standard streams: results to the one, words about them to the other.
public enum Streams {
  public static let output = Stream(descriptor: 1)
  public static let error = Stream(descriptor: 2)

  /// Lets a reader that goes away end neither the daemon nor a story half told. By a handler that does nothing,
  /// because programs that are started from here would inherit that the signal is ignored.
  public static func outliveReaders() {
    signal(SIGPIPE) { _ in }
  }

  /// One of them, by its file descriptor.
  public struct Stream: Sendable {
    let descriptor: Int32

    /// Writes a line, with its end.
    public func line(_ text: String) { self.text(text + "\n") }

    /// Writes all of it. Where nobody listens any more, there is nowhere to say so.
    public func text(_ text: String) {
      var text = text
      text.withUTF8 { bytes in
        var start = 0
        while start < bytes.count {
          let count = Glibc.write(descriptor, bytes.baseAddress.map { $0 + start }, bytes.count - start)
          if count > 0 { start += count } else if errno != EINTR { return }
        }
      }
    }
  }
}
