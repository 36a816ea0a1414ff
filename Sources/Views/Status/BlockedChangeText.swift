import Diagnostics
import KubeDirector
import Reports

/// Shows blocked changes to people: each change, and below it the reason and the remediation, which are not
/// cut off even on a narrow screen.
public struct BlockedChangeText {
  let width: Int
  let isColoured: Bool
  let height: Int

  /// - Parameters:
  ///   - width: The width of the terminal in cells.
  ///   - height: The maximum number of lines. Changes that do not fit are counted.
  public init(width: Int = 120, isColoured: Bool = false, height: Int = .max) {
    (self.width, self.isColoured, self.height) = (width, isColoured, height)
  }

  /// The blocked changes; empty if there are none.
  public func lines(_ held: BlockedChangeList) -> [String] {
    var lines: [String] = []
    var shown = 0
    for change in held.changes {
      let block = block(change)
      if lines.count + block.count >= height { break }
      lines += block
      shown += 1
    }
    let rest = held.changes.count - shown + held.omitted
    guard rest > 0, height > 0 else { return lines }
    let words = shown == 0 ? "\(rest) blocked" : "… and \(rest) more blocked"
    let line = StyledLine("\(words): see kdops status", .yellow)
    return lines + [line.text(width: width, coloured: isColoured)]
  }

  private func block(_ change: BlockedChange) -> [String] {
    let commit = "commit \(change.commit.prefix(7))"
    let style: StyledLine.Style = change.verdict == .rejected ? .red : .yellow
    var head = StyledLine()
    if change.isOfCommit {
      head.append("\(commit) is blocked", style)
    } else {
      head.append(change.object.namespace.isEmpty ? change.object.name : "\(change.object)", .bold)
      head.append("   \(change.verdict.rawValue)", style)
      if !change.commit.isEmpty { head.append("   \(commit)", .dim) }
    }
    if !change.rules.isEmpty { head.append("   \(change.rules.joined(separator: ", "))", .dim) }
    return [head.text(width: width, coloured: isColoured)]
      + Self.wrapped(change.message, to: max(20, width - 2)).map {
        StyledLine("  \($0)").text(width: width, coloured: isColoured)
      }
  }

  /// Wraps text between words, and within a word that is longer than a line.
  public static func wrapped(_ text: String, to width: Int) -> [String] {
    var lines: [String] = []
    var line = ""
    var used = 0
    for word in TerminalText.visible(text).split(separator: " ") {
      var word = word[...]
      var cells = StyledLine.width(of: String(word))
      if !line.isEmpty, used + 1 + cells > width {
        lines.append(line)
        (line, used) = ("", 0)
      }
      while cells > width {
        let part = prefix(of: word, cells: width)
        lines.append(String(part))
        word = word.dropFirst(part.count)
        cells = StyledLine.width(of: String(word))
      }
      line += (line.isEmpty ? "" : " ") + word
      used = StyledLine.width(of: line)
    }
    return line.isEmpty ? lines : lines + [line]
  }

  /// The first characters that fit into a number of cells; at least one.
  private static func prefix(of word: Substring, cells: Int) -> Substring {
    var used = 0
    let end = word.firstIndex { character in
      used += TerminalText.width(of: character)
      return used > cells
    }
    return word[..<max(end ?? word.endIndex, word.index(after: word.startIndex))]
  }
}
