import Glibc
import Synchronization

/// An output stream for people: permanent lines, and below them a block that is redrawn in place if the
/// stream is a terminal. All output to one terminal goes through one console, so that no other output breaks
/// the block.
public final class Console: Sendable {
  /// Whether lines can be erased.
  public let isTerminal: Bool
  public let isColoured: Bool
  /// Whether the locale lacks the symbols of the output, so that ASCII replaces them; also in a pipe or file, whose
  /// reader has the same locale.
  public let isASCII: Bool
  private let descriptor: Int32
  private let stream: Streams.Stream
  private let block = Mutex<[String]>([])

  /// When output has colours.
  public enum Colours: String, Sendable, CaseIterable {
    /// On a terminal, unless the environment says otherwise.
    case auto
    case always
    case never
  }

  /// - Parameter environment: `NO_COLOR`, `TERM=dumb` and the locale are respected.
  public init(descriptor: Int32, colours: Colours = .auto, environment: [String: String]) {
    self.descriptor = descriptor
    stream = Streams.Stream(descriptor: descriptor)
    isTerminal = isatty(descriptor) == 1 && environment["TERM"] != "dumb"
    isColoured =
      switch colours {
      case .auto: isTerminal && (environment["NO_COLOR"] ?? "").isEmpty
      case .always: true
      case .never: false
      }
    isASCII = !ASCIIText.isUTF8(environment)
  }

  /// A line as this console can show it.
  public func shown(_ line: String) -> String { isASCII ? ASCIIText.of(line) : line }

  /// Columns and rows. 80 × 24 if the terminal does not report its size; 140 × 100 if there is no terminal.
  public var size: (columns: Int, rows: Int) {
    guard isTerminal else { return (140, 100) }
    var window = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &window) == 0, window.ws_col > 0, window.ws_row > 0 else {
      return (80, 24)
    }
    return (Int(window.ws_col), Int(window.ws_row))
  }

  /// Writes a permanent line above the block. Only `.styled` text has colours.
  public func line(_ text: String, _ notation: JobLog.Notation = .text) {
    let inert = JobLog.inert(text, notation)
    let text = notation.isForPeople ? shown(inert) : inert
    block.withLock { shown in
      write(Self.erasing(shown.count) + text + "\n" + Self.text(shown))
    }
  }

  /// Replaces the block. Its lines must fit the terminal's width; they may have colours, and are made of texts that are
  /// already visible.
  public func show(_ lines: [String]) {
    guard isTerminal else { return }
    let lines = lines.map { shown(JobLog.inert($0, .styled)) }
    block.withLock { shown in
      guard shown != lines else { return }
      write(Self.erasing(shown.count) + Self.text(lines))
      shown = lines
    }
  }

  /// Makes the block permanent; further output goes below it.
  public func settle() { block.withLock { $0 = [] } }

  private static func text(_ lines: [String]) -> String { lines.map { $0 + "\n" }.joined() }

  /// Moves the cursor to the start of the block and clears everything below.
  private static func erasing(_ count: Int) -> String { count == 0 ? "" : "\u{1B}[\(count)A\r\u{1B}[0J" }

  private func write(_ text: String) { _ = stream.write(text) }
}
