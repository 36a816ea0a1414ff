import ClusterAPI
import FoundationEssentials
import KubeDirector
import SQLite
import Synchronization
import Values

/// The objects on disk: one SQLite file, one row for each object.
///
/// Uses WAL with `synchronous=NORMAL`: a committed write survives the death of the process at any time. Only
/// when the machine loses power, the last writes may be lost, but never a part of one.
final class Persistence: Sendable {
  /// The content of one commit.
  struct Batch {
    struct Row {
      var id: Int64
      var isNew: Bool
      var object: Object
      var version: Int64
    }
    var rows: [Row] = []
    var removed: [Int64] = []
    /// The store's version after the batch.
    var version: Int64
  }

  struct Stored {
    var id: Int64
    var object: Object
  }

  static let schemaVersion = 1
  private let connection: Mutex<Connection>
  /// A second connection for checkpoints, which wait for the disk and must not block the writer.
  private let maintenance: Mutex<Connection>?
  private let pool = BlockingPool(width: 1)

  /// - Parameter isReadOnly: opens a database that another process may be writing.
  init(directory: String, isReadOnly: Bool = false) throws {
    let path = "\(directory)/\(ClusterFolder.database)"
    connection = Mutex(try Self.open(path, isReadOnly: isReadOnly))
    maintenance = isReadOnly ? nil : Mutex(try Self.open(path, isReadOnly: false))
  }

  private static func open(_ path: String, isReadOnly: Bool) throws -> sending Connection {
    let connection = try Connection(path: path, isReadOnly: isReadOnly)
    if !isReadOnly {
      try connection.execute(
        script: """
          PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=0;
          PRAGMA journal_size_limit=16777216; PRAGMA foreign_keys=ON;
          """)
      try connection.transaction(writes: true) { try connection.execute(script: schema) }
    }
    try check(connection)
    return connection
  }

  private static let schema = """
    CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    INSERT OR IGNORE INTO meta VALUES ('schemaVersion', \(schemaVersion)), ('version', 0);
    CREATE TABLE IF NOT EXISTS objects (
      id INTEGER PRIMARY KEY, kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
      version INTEGER NOT NULL, body BLOB NOT NULL, UNIQUE (kind, namespace, name));
    """

  private static func check(_ connection: Connection) throws {
    let found = try meta("schemaVersion", in: connection)
    guard found == Int64(schemaVersion) else {
      throw EmbeddedClusterError(
        "cluster.sqlite has schema \(found.map { String($0) } ?? "none"), this kdops reads \(schemaVersion); use the kdops that wrote it, or another folder"
      )
    }
  }

  private static func meta(_ name: String, in connection: Connection) throws -> Int64? {
    var value: Int64?
    try connection.run("SELECT value FROM meta WHERE name = ?", [.text(name)]) { value = $0.integer(at: 0) }
    return value
  }

  /// Reads all objects and the store's version.
  func load() throws -> (objects: [Stored], version: Int64) {
    try connection.withLock { connection in
      try connection.transaction(writes: false) {
        var objects: [Stored] = []
        var interner = Interner()
        try connection.run("SELECT id, body FROM objects ORDER BY id") { row in
          objects.append(
            Stored(id: row.integer(at: 0), object: Object(interner.intern(try Self.parse(row, at: 1)))))
        }
        return (objects, try Self.version(connection))
      }
    }
  }

  func commit(_ batch: Batch) throws {
    try connection.withLock { connection in
      try connection.transaction(writes: true) {
        // Removals come first: a name that is freed in a batch may be used again in it.
        for id in batch.removed { try connection.run("DELETE FROM objects WHERE id = ?", [.integer(id)]) }
        for row in batch.rows { try Self.write(row, to: connection) }
        try connection.run("UPDATE meta SET value = ? WHERE name = 'version'", [.integer(batch.version)])
      }
    }
  }

  private static func write(_ row: Batch.Row, to connection: Connection) throws {
    let body = SQLiteValue.blob(row.object.json.serialized())
    guard row.isNew else {
      return try connection.run(
        "UPDATE objects SET version = ?, body = ? WHERE id = ?",
        [.integer(row.version), body, .integer(row.id)])
    }
    let name = row.object.objectName
    try connection.run(
      "INSERT INTO objects (id, kind, namespace, name, version, body) VALUES (?, ?, ?, ?, ?, ?)",
      [
        .integer(row.id), .text(row.object.kind), .text(name.namespace), .text(name.name),
        .integer(row.version), body,
      ])
  }

  /// Checkpoints the write-ahead log, as far as possible while another connection writes.
  func checkpoint() async throws {
    try await pool.run(key: "checkpoint") { try self.maintenance?.withLock { try $0.checkpoint() } }
  }

  // MARK: Reading while another process writes

  func get(kind: String, _ name: ObjectName) async throws -> Object? {
    try await read { connection in
      var found: Object?
      try connection.run(
        "SELECT body FROM objects WHERE kind = ? AND namespace = ? AND name = ?",
        [.text(kind), .text(name.namespace), .text(name.name)]
      ) { found = Object(try Self.parse($0, at: 0)) }
      return found
    }
  }

  func list(kind: String, namespace: String?) async throws -> ObjectList {
    try await read { connection in
      var sql = "SELECT body FROM objects WHERE kind = ?"
      var values = [SQLiteValue.text(kind)]
      if let namespace {
        sql += " AND namespace = ?"
        values.append(.text(namespace))
      }
      var items: [Object] = []
      try connection.run(sql + " ORDER BY namespace, name", values) {
        items.append(Object(try Self.parse($0, at: 0)))
      }
      return ObjectList(items: items, resourceVersion: String(try Self.version(connection)))
    }
  }

  /// Runs the body in one read transaction: it reads one consistent state.
  private func read<Result: Sendable>(
    _ body: @escaping @Sendable (Connection) throws -> Result
  ) async throws -> Result {
    try await pool.run(key: "read") {
      try self.connection.withLock { connection in
        try connection.transaction(writes: false) { try body(connection) }
      }
    }
  }

  private static func version(_ connection: Connection) throws -> Int64 {
    try meta("version", in: connection) ?? 0
  }

  private static func parse(_ row: Row, at column: Int) throws -> JSON {
    try row.withBytes(at: column) { bytes in
      guard let bytes else { throw EmbeddedClusterError("cluster.sqlite holds an object without content") }
      return try JSON.parse(bytes)
    }
  }
}
