/// The label of a stall in all output for people: notes, statuses and the terminal.
public enum Stall {
  public static let word = "stalled"
  public static let symbol = "✗"
}
