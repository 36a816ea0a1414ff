/// One line of a file laid out in terminal cells, with the marked range of a finding.
struct SourceExcerpt {
  /// The line to print.
  private(set) var text = ""
  /// The number of cells before the underlined range.
  private(set) var indent = 0
  /// The number of underlined cells; at least one.
  private(set) var underline = 1

  private struct Cell {
    var text: String
    var width: Int
    var scalars: Int
  }

  /// Wide enough for handwritten lines; a line of a minified file is cut around the marked range.
  static let widthLimit = 120
  private static let contextBefore = 40
  private static let tabStop = 4

  init(line: String, column: Int, length: Int) {
    let part = LinePart(of: line, around: column)
    let cells = Self.cells(of: part.text)
    let marked = Self.marked(cells, column: part.column, length: length)
    let total = cells.reduce(0) { $0 + $1.width }
    let before = cells[..<marked.lowerBound].reduce(0) { $0 + $1.width }
    var first = 0
    if part.isCutBefore || (total > Self.widthLimit && before > Self.contextBefore) {
      var cut = 0
      while first < marked.lowerBound, before - cut > Self.contextBefore {
        cut += cells[first].width
        first += 1
      }
      text = "…"
      indent = 1
    }
    var used = indent
    var underlined = 0
    var isWhole = !part.isCutAfter
    for index in first..<cells.count {
      if used + cells[index].width > Self.widthLimit {
        isWhole = false
        break
      }
      text += cells[index].text
      used += cells[index].width
      if index < marked.lowerBound { indent += cells[index].width }
      if marked.contains(index) { underlined += cells[index].width }
    }
    if !isWhole { text += "…" }
    underline = max(underlined, 1)
  }

  /// The cells of these columns; an empty range at the end if the place is past the end.
  private static func marked(_ cells: [Cell], column: Int, length: Int) -> Range<Int> {
    let wanted = (max(column, 1) - 1)..<(max(column, 1) - 1 + max(length, 1))
    var scalar = 0
    var lower: Int?
    var upper = cells.count
    for (index, cell) in cells.enumerated() {
      if lower == nil, scalar + cell.scalars > wanted.lowerBound { lower = index }
      if scalar >= wanted.upperBound {
        upper = index
        break
      }
      scalar += cell.scalars
    }
    let start = lower ?? cells.count
    return start..<max(upper, start)
  }

  private static func cells(of line: String) -> [Cell] {
    var cells: [Cell] = []
    var column = 0
    for character in line {
      if character == "\t" {
        let width = tabStop - column % tabStop
        cells.append(Cell(text: String(repeating: " ", count: width), width: width, scalars: 1))
      } else if character.unicodeScalars.contains(where: TerminalText.isUnsafe) {
        for scalar in character.unicodeScalars {
          let shown = TerminalText.isUnsafe(scalar) ? TerminalText.standIn(for: scalar) : scalar
          cells.append(Cell(text: String(shown), width: 1, scalars: 1))
        }
      } else {
        let width = TerminalText.width(of: character)
        cells.append(Cell(text: String(character), width: width, scalars: character.unicodeScalars.count))
      }
      column += cells.last?.width ?? 0
    }
    return cells
  }
}

/// The part of a line that an excerpt can show. A minified file can be one line of a megabyte, and laying out a
/// megabyte for each of its findings would take too long.
private struct LinePart {
  var text: String
  /// The column of the place in this part, from 1.
  var column: Int
  var isCutBefore = false
  var isCutAfter = false

  /// In Unicode scalars; several may share a cell, so there can be more of them than cells.
  private static let before = 256
  private static let after = 768

  init(of line: String, around column: Int) {
    text = line
    self.column = column
    // There are never more scalars than bytes.
    guard line.utf8.count > Self.before + Self.after else { return }
    let scalars = line.unicodeScalars
    let skipped = max(column - 1 - Self.before, 0)
    let start = scalars.index(scalars.startIndex, offsetBy: skipped, limitedBy: scalars.endIndex)
    // A place past the end is shown after the last character.
    let first =
      start ?? scalars.index(scalars.endIndex, offsetBy: -Self.before, limitedBy: scalars.startIndex)
    let begin = first ?? scalars.startIndex
    let end = scalars.index(begin, offsetBy: Self.before + Self.after, limitedBy: scalars.endIndex)
    text = String(scalars[begin..<(end ?? scalars.endIndex)])
    isCutBefore = begin > scalars.startIndex
    isCutAfter = end.map { $0 < scalars.endIndex } ?? false
    if isCutBefore { self.column = start == nil ? Int(Int32.max) : Self.before + 1 }
  }
}
