import CSQLite

/// A connection to a database file.
///
/// Not `Sendable`: one caller at a time.
public final class Connection {
  private let handle: OpaquePointer
  /// Compiled statements by their text.
  private var statements: [String: Statement] = [:]

  /// Opens a file; one that does not exist is created unless it is to be read only.
  ///
  /// - Parameter busyTimeout: in milliseconds; how long a call waits for the lock of another process.
  public init(path: String, isReadOnly: Bool = false, busyTimeout: Int32 = 5000) throws(SQLiteError) {
    let access = isReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
    var handle: OpaquePointer?
    // Callers take turns, so SQLite needs no lock of its own.
    let code = sqlite3_open_v2(path, &handle, access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
    guard code == SQLITE_OK, let handle else {
      let error = SQLiteError(code, on: handle)
      sqlite3_close_v2(handle)
      throw error
    }
    self.handle = handle
    sqlite3_busy_timeout(handle, busyTimeout)
  }

  deinit {
    statements = [:]
    sqlite3_close_v2(handle)
  }

  /// Runs one or more statements without placeholders.
  public func execute(script: String) throws(SQLiteError) {
    let code = sqlite3_exec(handle, script, nil, nil, nil)
    guard code == SQLITE_OK else { throw SQLiteError(code, on: handle) }
  }

  /// Runs a statement, and calls the body for each row of its result.
  ///
  /// - Parameter sql: a text of the program, never one from outside: the compiled statement is kept.
  /// - Throws: `SQLiteError`, or an error of the body.
  public func run(_ sql: String, _ values: [SQLiteValue] = [], _ body: (Row) throws -> Void = { _ in }) throws
  {
    try statement(sql).run(values, body)
  }

  private func statement(_ sql: String) throws(SQLiteError) -> Statement {
    if let known = statements[sql] { return known }
    let made = try Statement(sql, on: handle)
    statements[sql] = made
    return made
  }

  /// Runs the body in one transaction, which an error rolls back.
  ///
  /// - Parameter writes: whether the lock for writing is taken at the start, so that no later statement fails for it.
  public func transaction<Result>(writes: Bool, _ body: () throws -> Result) throws -> Result {
    try run(writes ? "BEGIN IMMEDIATE" : "BEGIN DEFERRED")
    do {
      let result = try body()
      try run("COMMIT")
      return result
    } catch {
      // SQLite rolls back by itself after some errors, such as a full disk.
      if sqlite3_get_autocommit(handle) == 0 { try? run("ROLLBACK") }
      throw error
    }
  }

  /// Copies the write-ahead log to the database as far as no other connection prevents it.
  public func checkpoint() throws(SQLiteError) {
    let code = sqlite3_wal_checkpoint_v2(handle, nil, SQLITE_CHECKPOINT_PASSIVE, nil, nil)
    guard code == SQLITE_OK else { throw SQLiteError(code, on: handle) }
  }
}
