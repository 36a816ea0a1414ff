import Values

/// The state for the next daemon: the undelivered notifications, and the ids of the last announced ones.
struct NotificationRecord: Sendable, Hashable {
  var outbox: JSON
  var ids: [String]

  init(outbox: JSON, ids: [String]) { (self.outbox, self.ids) = (outbox, ids) }

  /// Nil if the JSON is of an unknown schema version.
  init?(_ json: JSON) {
    guard json["schemaVersion"]?.integer == 1 else { return nil }
    self.init(outbox: json["outbox"] ?? [:], ids: json["announced"]?.array?.compactMap(\.string) ?? [])
  }

  var json: JSON { ["schemaVersion": 1, "outbox": outbox, "announced": JSON(ids)] }
}
