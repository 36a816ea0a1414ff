/// One line for a terminal, made of parts that may be coloured. It knows its width in cells.
public struct StyledLine {
  public enum Style: String {
    case bold = "1"
    case dim = "2"
    case red = "31"
    case green = "32"
    case yellow = "33"
  }

  private struct Part {
    var text: String
    var style: Style?
  }

  private var parts: [Part] = []
  /// In cells.
  public private(set) var width = 0

  /// Creates an empty line.
  public init() {}
  /// Creates a line of one part.
  public init(_ text: String, _ style: Style? = nil) { append(text, style) }

  /// Adds a part. Terminal control characters are made visible.
  public mutating func append(_ text: String, _ style: Style? = nil) {
    let shown = TerminalText.visible(text)
    parts.append(Part(text: shown, style: style))
    width += Self.width(of: shown)
  }

  /// Pads with spaces up to a column; adds at least one space if the line already reaches it.
  public mutating func pad(to column: Int) { append(String(repeating: " ", count: max(1, column - width))) }

  /// The width in terminal cells.
  public static func width(of text: String) -> Int { text.reduce(0) { $0 + TerminalText.width(of: $1) } }

  /// Cuts the text to a number of cells, with `…` where something is missing.
  public static func cut(_ text: String, to width: Int) -> String {
    guard Self.width(of: text) > width else { return text }
    var (shown, used) = ("", 0)
    for character in text {
      let cells = TerminalText.width(of: character)
      if used + cells > width - 1 { break }
      shown.append(character)
      used += cells
    }
    return width > 0 ? shown + "…" : ""
  }

  /// The line for a terminal of the given width.
  public func text(width limit: Int, coloured: Bool) -> String {
    var out = ""
    var left = limit
    for (index, part) in parts.enumerated() where left > 0 {
      // If more text follows, the last part that fits gives up one cell for the `…`.
      let isLast = parts[(index + 1)...].allSatisfy { $0.text.allSatisfy { $0 == " " } }
      var text = part.text
      let cells = Self.width(of: text)
      if cells > left || (cells == left && !isLast) { text = Self.cut(text + (isLast ? "" : " "), to: left) }
      left -= cells
      out += coloured && !text.isEmpty ? Self.coloured(text, part.style) : text
    }
    while out.last == " " { out.removeLast() }
    return out
  }

  private static func coloured(_ text: String, _ style: Style?) -> String {
    style.map { "\u{1B}[\($0.rawValue)m\(text)\u{1B}[0m" } ?? text
  }
}
