import CSQLite

/// An error that SQLite reported.
public struct SQLiteError: Error, Sendable, Hashable, CustomStringConvertible {
  /// An extended result code, from https://www.sqlite.org/rescode.html.
  public var code: Int32
  public var message: String

  public var description: String { "SQLite error \(code): \(message)" }

  init(code: Int32, message: String) {
    self.code = code
    self.message = message
  }

  /// - Parameter database: the connection whose last call failed; nil if it could not be opened.
  init(_ code: Int32, on database: OpaquePointer?) {
    self.code = code
    let text = database.map { sqlite3_errmsg($0) } ?? sqlite3_errstr(code)
    message = text.map { String(cString: $0) } ?? "no reason was given"
  }
}
