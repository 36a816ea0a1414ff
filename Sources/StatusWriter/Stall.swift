/// How a stall is called wherever people read of it: in notes, in statuses and on a terminal.
public enum Stall {
  public static let word = "stalled"
  public static let symbol = "✗"
}
