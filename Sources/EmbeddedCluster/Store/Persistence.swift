import ClusterAPI
import FoundationEssentials
import GRDB
import KubeDirector
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
  private let queue: DatabaseQueue
  /// A second connection for checkpoints, which wait for the disk and must not block the writer.
  private let maintenance: DatabaseQueue?

  /// - Parameter isReadOnly: opens a database that another process may be writing.
  init(directory: String, isReadOnly: Bool = false) throws {
    var configuration = Configuration()
    configuration.readonly = isReadOnly
    configuration.busyMode = .timeout(5)
    configuration.label = "embedded-cluster"
    configuration.prepareDatabase { db in
      guard !isReadOnly else { return }
      try db.execute(
        sql: """
          PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=0;
          PRAGMA journal_size_limit=16777216
          """)
    }
    let path = "\(directory)/\(ClusterFolder.database)"
    queue = try DatabaseQueue(path: path, configuration: configuration)
    if isReadOnly {
      maintenance = nil
      try queue.read(Self.check)
    } else {
      try queue.write { db in
        try db.execute(sql: Self.schema)
        try Self.check(db)
      }
      maintenance = try DatabaseQueue(path: path, configuration: configuration)
    }
  }

  private static let schema = """
    CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    INSERT OR IGNORE INTO meta VALUES ('schemaVersion', \(schemaVersion)), ('version', 0);
    CREATE TABLE IF NOT EXISTS objects (
      id INTEGER PRIMARY KEY, kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
      version INTEGER NOT NULL, body BLOB NOT NULL, UNIQUE (kind, namespace, name));
    """

  private static func check(_ db: Database) throws {
    let found = try Int.fetchOne(db, sql: "SELECT value FROM meta WHERE name = 'schemaVersion'")
    guard found == schemaVersion else {
      throw EmbeddedClusterError(
        "cluster.sqlite has schema \(found.map(String.init) ?? "none"), this kdops reads \(schemaVersion); use the kdops that wrote it, or another folder"
      )
    }
  }

  /// Reads all objects and the store's version.
  func load() throws -> (objects: [Stored], version: Int64) {
    try queue.read { db in
      var objects: [Stored] = []
      var interner = Interner()
      let rows = try Row.fetchCursor(db, sql: "SELECT id, body FROM objects ORDER BY id")
      while let row = try rows.next() {
        objects.append(Stored(id: row[0], object: Object(interner.intern(try Self.parse(row, at: 1)))))
      }
      return (objects, try Self.version(db))
    }
  }

  func commit(_ batch: Batch) throws {
    try queue.write { db in
      let insert = try db.cachedStatement(
        sql: "INSERT INTO objects (id, kind, namespace, name, version, body) VALUES (?, ?, ?, ?, ?, ?)")
      let update = try db.cachedStatement(sql: "UPDATE objects SET version = ?, body = ? WHERE id = ?")
      let delete = try db.cachedStatement(sql: "DELETE FROM objects WHERE id = ?")
      // Removals come first: a name that is freed in a batch may be used again in it.
      for id in batch.removed {
        delete.setUncheckedArguments([id])
        try delete.execute()
      }
      for row in batch.rows {
        let body = Data(row.object.json.serialized())
        if row.isNew {
          let name = row.object.objectName
          insert.setUncheckedArguments([
            row.id, row.object.kind, name.namespace, name.name, row.version, body,
          ])
          try insert.execute()
        } else {
          update.setUncheckedArguments([row.version, body, row.id])
          try update.execute()
        }
      }
      let version = try db.cachedStatement(sql: "UPDATE meta SET value = ? WHERE name = 'version'")
      version.setUncheckedArguments([batch.version])
      try version.execute()
    }
  }

  /// Checkpoints the write-ahead log, as far as possible while another connection writes.
  func checkpoint() async throws {
    try await maintenance?.writeWithoutTransaction { db in _ = try db.checkpoint(.passive) }
  }

  // MARK: Reading while another process writes

  func get(kind: String, _ name: ObjectName) async throws -> Object? {
    try await queue.read { db in
      let sql = "SELECT body FROM objects WHERE kind = ? AND namespace = ? AND name = ?"
      let arguments: StatementArguments = [kind, name.namespace, name.name]
      return try Row.fetchOne(db, sql: sql, arguments: arguments).map { Object(try Self.parse($0, at: 0)) }
    }
  }

  func list(kind: String, namespace: String?) async throws -> ObjectList {
    try await queue.read { db in
      var sql = "SELECT body FROM objects WHERE kind = ?"
      var arguments: StatementArguments = [kind]
      if let namespace {
        sql += " AND namespace = ?"
        arguments += [namespace]
      }
      let rows = try Row.fetchCursor(db, sql: sql + " ORDER BY namespace, name", arguments: arguments)
      var items: [Object] = []
      while let row = try rows.next() { items.append(Object(try Self.parse(row, at: 0))) }
      return ObjectList(items: items, resourceVersion: String(try Self.version(db)))
    }
  }

  private static func version(_ db: Database) throws -> Int64 {
    try Int64.fetchOne(db, sql: "SELECT value FROM meta WHERE name = 'version'") ?? 0
  }

  private static func parse(_ row: Row, at column: Int) throws -> JSON {
    try row.withUnsafeData(atIndex: column) { data in
      guard let data else { throw EmbeddedClusterError("cluster.sqlite holds an object without content") }
      return try JSON.parse(data)
    }
  }
}
