/// The label of a stall in all output for people: notes, statuses and the terminal.
public enum StallLabel {
  public static let word = "stalled"
  public static let symbol = "✗"
}
