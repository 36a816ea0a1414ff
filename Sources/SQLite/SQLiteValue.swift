/// A value for a placeholder of a statement.
public enum SQLiteValue: Sendable, Hashable {
  case integer(Int64)
  case text(String)
  case blob([UInt8])
}
