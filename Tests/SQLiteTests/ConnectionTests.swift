import SQLite
import TestSupport
import Testing

@Suite("A connection to SQLite")
struct ConnectionTests {
  /// A connection to a new database with a table.
  private static func with(_ body: (Connection, String) throws -> Void) throws {
    let folder = try TemporaryFolder()
    let path = "\(folder.path)/a.sqlite"
    let connection = try Connection(path: path)
    try connection.execute(
      script:
        "PRAGMA journal_mode=WAL; CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT UNIQUE, body BLOB)")
    try body(connection, path)
  }

  private static func names(_ connection: Connection) throws -> [String] {
    var names: [String] = []
    try connection.run("SELECT name FROM items ORDER BY id") { row in
      names.append(row.withBytes(at: 0) { $0.map { String(decoding: $0, as: UTF8.self) } ?? "NULL" })
    }
    return names
  }

  private static func insert(_ name: String, _ body: [UInt8] = [], into connection: Connection) throws {
    try connection.run("INSERT INTO items (name, body) VALUES (?, ?)", [.text(name), .blob(body)])
  }

  private static func insertTogether(_ names: [String], into connection: Connection) throws {
    try connection.transaction(writes: true) {
      for name in names { try insert(name, into: connection) }
    }
  }

  @Test("returns what was written, also empty values and zero bytes")
  func values() throws {
    try Self.with { connection, _ in
      let items: [(String, [UInt8])] = [
        ("", []), ("ä\u{1F600}\u{0}b", [0, 255, 0]), ("'; DROP TABLE items; --", [1]),
      ]
      for (name, body) in items {
        try Self.insert(name, body, into: connection)
      }
      #expect(try Self.names(connection) == ["", "ä\u{1F600}\u{0}b", "'; DROP TABLE items; --"])
      var bodies: [[UInt8]?] = []
      try connection.run("SELECT id, body, NULL FROM items WHERE id <= ?", [.integer(2)]) { row in
        bodies.append(row.withBytes(at: 1) { $0.map(Array.init) })
        bodies.append(row.withBytes(at: 2) { $0.map(Array.init) })
      }
      #expect(bodies == [[], nil, [0, 255, 0], nil])
    }
  }

  @Test("rolls back everything of a transaction that fails, and can be used further")
  func rollback() throws {
    try Self.with { connection, _ in
      try Self.insert("a", into: connection)
      #expect(throws: SQLiteError.self) { try Self.insertTogether(["b", "a"], into: connection) }
      #expect(try Self.names(connection) == ["a"])
      try Self.insertTogether(["b"], into: connection)
      #expect(try Self.names(connection) == ["a", "b"])
    }
  }

  @Test("reads one state in a transaction while another connection writes, and copies the log afterwards")
  func isolation() throws {
    try Self.with { writer, path in
      let reader = try Connection(path: path, isReadOnly: true)
      try Self.insert("a", into: writer)
      try reader.transaction(writes: false) {
        #expect(try Self.names(reader) == ["a"])
        try Self.insert("b", into: writer)
        #expect(try Self.names(reader) == ["a"])
      }
      #expect(try Self.names(reader) == ["a", "b"])
      try writer.checkpoint()
    }
  }

  @Test("names the reason and the code of an error")
  func errors() throws {
    try Self.with { connection, path in
      try Self.insert("a", into: connection)
      let error = #expect(throws: SQLiteError.self) { try Self.insert("a", into: connection) }
      #expect(error?.description == "SQLite error 2067: UNIQUE constraint failed: items.name")
      let reader = try Connection(path: path, isReadOnly: true)
      let refusal = #expect(throws: SQLiteError.self) { try Self.insert("b", into: reader) }
      #expect(refusal?.code == 8)
      let missing = #expect(throws: SQLiteError.self) {
        try Connection(path: "\(path)-missing", isReadOnly: true)
      }
      #expect(missing?.message == "unable to open database file")
      #expect(throws: SQLiteError.self) { try connection.run("SELECT nothing FROM nowhere") }
    }
  }

  @Test("does not wait for a lock longer than it may")
  func busy() throws {
    try Self.with { connection, path in
      let other = try Connection(path: path, busyTimeout: 0)
      try connection.transaction(writes: true) {
        let error = #expect(throws: SQLiteError.self) {
          try other.transaction(writes: true) { try Self.insert("b", into: other) }
        }
        #expect(error?.message == "database is locked")
      }
      try other.transaction(writes: true) { try Self.insert("b", into: other) }
    }
  }

  @Test("reports a file that is no database, and one that is damaged")
  func damage() throws {
    let folder = try TemporaryFolder()
    try ProgramFile.write(String(repeating: "no database ", count: 1000), to: "\(folder.path)/a.sqlite")
    let other = try Connection(path: "\(folder.path)/a.sqlite")
    let refusal = #expect(throws: SQLiteError.self) { try other.run("SELECT name FROM items") }
    #expect(refusal?.message == "file is not a database")
  }

  @Test("reports a full database, and can be used further once there is room")
  func full() throws {
    try Self.with { connection, _ in
      try connection.execute(script: "PRAGMA max_page_count = 4")
      let error = #expect(throws: SQLiteError.self) {
        try connection.transaction(writes: true) {
          try Self.insert("a", Array(repeating: 7, count: 100_000), into: connection)
        }
      }
      #expect(error?.message == "database or disk is full")
      try connection.execute(script: "PRAGMA max_page_count = 1000")
      try Self.insert("a", Array(repeating: 7, count: 100_000), into: connection)
      #expect(try Self.names(connection) == ["a"])
    }
  }

  @Test("returns 0 for a column that is no number, and refuses more values than placeholders")
  func types() throws {
    try Self.with { connection, _ in
      try Self.insert("a", into: connection)
      try connection.run("SELECT name FROM items") { #expect($0.integer(at: 0) == 0) }
      #expect(throws: SQLiteError.self) {
        try connection.run("SELECT name FROM items WHERE id = ?", [.integer(1), .integer(2)])
      }
    }
  }
}
