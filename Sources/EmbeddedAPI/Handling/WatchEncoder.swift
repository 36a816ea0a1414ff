import ClusterAPI
import Values

/// Turns the events of a watch into the lines of its response, for a client that may see only some of the objects.
struct WatchEncoder: Sendable {
  private var writer: ObjectWriter
  private let selection: Selection
  private let sendsBookmarks: Bool
  private let now: @Sendable () -> Int
  /// The uids of the objects that the client knows.
  private var known: Set<String> = []
  private var hasColumns = false

  /// - Parameter now: in seconds since 1970, for the ages in tables.
  init(
    writer: ObjectWriter, selection: Selection, sendsBookmarks: Bool, now: @escaping @Sendable () -> Int
  ) {
    self.now = now
    self.writer = writer
    self.selection = selection
    self.sendsBookmarks = sendsBookmarks
  }

  /// Returns the line to send; nil if the event is not sent to the client.
  mutating func line(_ event: WatchEvent) -> [UInt8]? {
    switch event {
    case .added(let object), .modified(let object):
      guard !selection.excludes(object.objectName) else { return nil }
      let wasKnown = known.contains(object.uid)
      guard selection.matches(object) else {
        guard wasKnown else { return nil }
        known.remove(object.uid)
        return line("DELETED", object)
      }
      known.insert(object.uid)
      // With the whole kind selected, the cluster knows best whether the object is new.
      if case .added = event { return line("ADDED", object) }
      return line(wasKnown || isUnfiltered ? "MODIFIED" : "ADDED", object)
    case .deleted(let object):
      let wasKnown = known.remove(object.uid) != nil
      guard wasKnown || selection.matches(object), !selection.excludes(object.objectName) else { return nil }
      return line("DELETED", object)
    case .bookmark(let version): return sendsBookmarks ? bookmark(version) : nil
    }
  }

  /// Marks the objects that the client knows already, from the list that the watch continues.
  mutating func know(_ objects: [Object]) { known.formUnion(objects.map(\.uid)) }

  /// - Parameter isInitialEnd: whether all objects that existed at the start have been sent.
  func bookmark(_ version: String, isInitialEnd: Bool = false) -> [UInt8] {
    var metadata: JSON = ["resourceVersion": .string(version), "creationTimestamp": .null]
    if isInitialEnd { metadata["annotations"] = ["k8s.io/initial-events-end": "true"] }
    var object: JSON = [
      "kind": .string(writer.kind.resource.kind), "apiVersion": .string(writer.kind.resource.apiVersion),
      "metadata": metadata,
    ]
    if case .table = writer.format {
      object = [
        "kind": "Table", "apiVersion": .string(ObjectWriter.tableVersion), "metadata": metadata,
        "columnDefinitions": .null, "rows": [],
      ]
    }
    return Self.line("BOOKMARK", object)
  }

  static func error(_ failure: APIFailure) -> [UInt8] { line("ERROR", failure.status) }

  private var isUnfiltered: Bool { selection.labels.isEmpty && selection.fields.isEmpty }

  private mutating func line(_ type: String, _ object: Object) -> [UInt8] {
    guard case .table = writer.format else { return Self.line(type, writer.single(object)) }
    defer { hasColumns = true }
    writer.now = now()
    return Self.line(
      type, writer.table([object], version: object.resourceVersion, hasColumns: !hasColumns))
  }

  private static func line(_ type: String, _ object: JSON) -> [UInt8] {
    let event: JSON = ["type": .string(type), "object": object]
    return event.serialized() + [UInt8(ascii: "\n")]
  }
}
