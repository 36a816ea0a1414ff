import CSQLite

/// A compiled statement of one connection.
///
/// Not `Sendable`: it belongs to its connection.
final class Statement {
  private let handle: OpaquePointer
  private let database: OpaquePointer

  init(_ sql: String, on database: OpaquePointer) throws(SQLiteError) {
    var handle: OpaquePointer?
    let code = sqlite3_prepare_v3(database, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &handle, nil)
    guard code == SQLITE_OK, let handle else { throw SQLiteError(code, on: database) }
    self.handle = handle
    self.database = database
  }

  deinit { sqlite3_finalize(handle) }

  /// Runs the statement to its end, and calls the body for each row of the result.
  func run(_ values: [SQLiteValue], _ body: (Row) throws -> Void = { _ in }) throws {
    defer {
      // The result of a reset repeats the error of the step before it.
      _ = sqlite3_reset(handle)
      _ = sqlite3_clear_bindings(handle)
    }
    for (index, value) in values.enumerated() { try bind(value, at: Int32(index + 1)) }
    while true {
      switch sqlite3_step(handle) {
      case SQLITE_ROW: try body(Row(statement: handle))
      case SQLITE_DONE: return
      case let code: throw SQLiteError(code, on: database)
      }
    }
  }

  private func bind(_ value: SQLiteValue, at index: Int32) throws(SQLiteError) {
    let code =
      switch value {
      case .integer(let number): sqlite3_bind_int64(handle, index, number)
      case .text(var text):
        text.withUTF8 { bytes in
          bytes.withMemoryRebound(to: CChar.self) { text in
            // A null pointer would bind NULL; nothing is read from another one without a length.
            kdops_bind_text(handle, index, text.baseAddress ?? sqlite3_libversion(), UInt64(text.count))
          }
        }
      case .blob(let bytes):
        bytes.withUnsafeBytes { bytes in
          kdops_bind_blob(
            handle, index, bytes.baseAddress ?? UnsafeRawPointer(sqlite3_libversion()), UInt64(bytes.count))
        }
      }
    guard code == SQLITE_OK else { throw SQLiteError(code, on: database) }
  }
}

/// The current row of a result. Valid only during the call that receives it.
public struct Row {
  let statement: OpaquePointer

  /// The value of a column; 0 if it is no number.
  ///
  /// - Parameter column: from 0.
  public func integer(at column: Int) -> Int64 { sqlite3_column_int64(statement, Int32(column)) }

  /// Calls the body with the bytes of a column, which are valid during the call; nil for NULL.
  ///
  /// - Parameter column: from 0.
  public func withBytes<Result>(
    at column: Int, _ body: (UnsafeRawBufferPointer?) throws -> Result
  ) rethrows -> Result {
    let index = Int32(column)
    guard sqlite3_column_type(statement, index) != SQLITE_NULL else { return try body(nil) }
    // The pointer has to be asked for before the length.
    let start = sqlite3_column_blob(statement, index)
    return try body(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement, index))))
  }
}
