/// How the message of the condition `Stalled` ends: behind what ails which pod stands the way out, told from the rest
/// by its first words.
public enum StallWords {
  /// Another app is named again.
  public static let goBack = "; to go back to "
  /// What failed is run again.
  public static let mend = "; mend the cause"
  /// The same, where somebody might think of a revert.
  public static let mendNotRevert = "; a revert does not mend that: mend the cause"
}

extension Condition {
  /// What ails which pod, without the way out.
  public var complaint: String { String(message[..<(wayOutBegins ?? message.endIndex)]) }

  /// How the stall is ended; nil where nothing is said of that.
  public var wayOut: String? {
    wayOutBegins.map { String(message[$0...].trimmingPrefix("; ")) }
  }

  private var wayOutBegins: String.Index? {
    [StallWords.goBack, StallWords.mend, StallWords.mendNotRevert].compactMap {
      message.firstRange(of: $0)?.lowerBound
    }.min()
  }

  /// True where the way out is to name the old app again.
  public var offersReturn: Bool { message.contains(StallWords.goBack) }
}
