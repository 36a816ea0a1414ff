import Diagnostics
import Glibc

/// Plain writing to the standard streams: results to the one, words about them to the other. What a terminal or the
/// runner of a CI job would obey in it is broken, see `JobLog`.
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

    /// Writes a line, with its end. Where nobody listens any more, there is nowhere to say so.
    public func line(_ text: String) { _ = write(JobLog.inert(text) + "\n") }

    /// Writes all of what a command is there for. A reader that has gone away wants no more of it.
    ///
    /// - Throws: `UnwrittenResult` where it cannot be kept, as on a full disk.
    public func result(_ text: String, _ notation: JobLog.Notation = .text) throws(UnwrittenResult) {
      let reason = write(JobLog.inert(text, notation))
      if reason != 0, reason != EPIPE { throw UnwrittenResult(reason: String(cString: strerror(reason))) }
    }

    /// Writes all of it as it is.
    ///
    /// - Returns: why it could not, or 0.
    func write(_ text: String) -> Int32 {
      var text = text
      return text.withUTF8 { bytes in
        var start = 0
        while start < bytes.count {
          let count = Glibc.write(descriptor, bytes.baseAddress.map { $0 + start }, bytes.count - start)
          if count > 0 { start += count } else if errno != EINTR { return errno }
        }
        return 0
      }
    }
  }
}

/// What a command found out could not be written where it was to go.
public struct UnwrittenResult: Error, Sendable, CustomStringConvertible {
  let reason: String

  public var description: String {
    "the result cannot be written: \(reason); have it written where there is room"
  }
}
