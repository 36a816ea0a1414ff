import FoundationEssentials
import Glibc

/// Plain output to the standard streams: results to standard output, messages to standard error. Sequences
/// that a terminal or a CI job runner would interpret are neutralised, see `JobLog`. Symbols in text for people follow
/// the locale, see `ASCIIText`.
public enum Streams {
  public static let output = Stream(descriptor: 1, isASCII: isASCII)
  public static let error = Stream(descriptor: 2, isASCII: isASCII)

  private static let isASCII = !ASCIIText.isUTF8(ProcessInfo.processInfo.environment)

  /// Prevents SIGPIPE from ending the process when a reader closes the pipe. It installs an empty handler,
  /// because child processes would inherit an ignored signal.
  public static func outliveReaders() {
    signal(SIGPIPE) { _ in }
  }

  /// A standard stream, by its file descriptor.
  public struct Stream: Sendable {
    let descriptor: Int32
    /// Whether the locale lacks the symbols of the output, so that ASCII replaces them.
    var isASCII = false

    /// Writes a message and a line feed. It has no colours of its own, so that every escape sequence in it comes from
    /// outside and is made visible. Errors are ignored, because there is no place to report them.
    public func line(_ text: String) {
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
        line.split(separator: "\t", omittingEmptySubsequences: false).map { TerminalText.visible(String($0)) }
          .joined(separator: "\t")
      }
      _ = write(shown(lines.joined(separator: "\n"), .text) + "\n")
    }

    /// Writes a line that has colours, made of texts that are already visible.
    public func styledLine(_ text: String) { _ = write(shown(text, .styled) + "\n") }

    /// Writes the whole result of a command. Only `.styled` text has colours. A closed pipe is not an error, because the
    /// reader needs no more output.
    ///
    /// - Throws: `UnwrittenResult` if it cannot be written, for example on a full disk.
    public func result(_ text: String, _ notation: JobLog.Notation = .text) throws(UnwrittenResult) {
      let reason = write(shown(text, notation))
      if reason != 0, reason != EPIPE { throw UnwrittenResult(reason: String(cString: strerror(reason))) }
    }

    private func shown(_ text: String, _ notation: JobLog.Notation) -> String {
      let text = JobLog.inert(text, notation)
      return isASCII && notation.isForPeople ? ASCIIText.of(text) : text
    }

    /// Writes the whole text unchanged.
    ///
    /// - Returns: The `errno` of the failure, or 0.
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

/// The result of a command could not be written.
public struct UnwrittenResult: Error, Sendable, CustomStringConvertible {
  let reason: String

  public var description: String {
    "the result cannot be written: \(reason); write it to a file system with free space"
  }
}
