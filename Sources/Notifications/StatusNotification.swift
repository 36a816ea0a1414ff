import Diagnostics
import KubeDirector
import Reports
import Values

/// One notification, as it is stored until it is delivered.
///
/// All text in it is on one line, bounded, and without credentials. It is not escaped yet, because that depends on the
/// target.
struct StatusNotification: Sendable, Hashable {
  /// The progress of an upgrade or a rollback.
  struct Progress: Sendable, Hashable {
    var fromApp: String
    var toApp: String
    var done: Int
    var total: Int
  }

  /// Identifies the notification. The same event of the same change has the same id, also after a restart.
  var id: String
  var event: NotificationEvent
  /// In whole seconds since 1970.
  var time: Int
  /// Nil if the notification is about the repository or a whole commit.
  var object: ObjectReference?
  /// All 40 digits; nil if no commit is the cause.
  var commit: String?
  /// The first line of the commit's message.
  var subject: String?
  var change: ChangeKind?
  var message: String?
  var progress: Progress?

  /// - Parameters:
  ///   - key: what distinguishes the notification from others of the same event and object.
  ///   - time: in whole seconds since 1970.
  init(
    _ event: NotificationEvent, of object: ObjectReference?, key: String, time: Int, commit: String? = nil,
    subject: String? = nil, change: ChangeKind? = nil, message: String? = nil, progress: Progress? = nil
  ) {
    let parts: [String?] = [
      "kdops.dev/notification 1", event.rawValue, object?.kind, object?.namespace, object?.name, key,
    ]
    let text = JSON.array(parts.map { JSON($0) }).serialized()
    id = Digest.hex(text, bytes: 16)
    self.event = event
    self.time = time
    self.object = object.map { reference in
      ObjectReference(
        kind: OutgoingText.line(reference.kind, limit: 64),
        namespace: OutgoingText.line(reference.namespace, limit: 200),
        name: OutgoingText.line(reference.name, limit: 200))
    }
    self.commit = commit
    self.subject = subject.flatMap { $0.isEmpty ? nil : OutgoingText.line($0, limit: 100) }
    self.change = change
    self.message = message.flatMap { $0.isEmpty ? nil : OutgoingText.line($0, limit: 400) }
    self.progress = progress.map { progress in
      Progress(
        fromApp: OutgoingText.line(progress.fromApp, limit: 100),
        toApp: OutgoingText.line(progress.toApp, limit: 100), done: progress.done, total: progress.total)
    }
  }
}

extension StatusNotification.Progress {
  init(_ upgrade: UpgradeProgress) {
    self.init(fromApp: upgrade.fromApp, toApp: upgrade.toApp, done: upgrade.done, total: upgrade.total)
  }
}

// The form in the store, which is also the main part of the JSON for receivers.
extension StatusNotification {
  var json: JSON {
    var out: JSON = [
      "id": .string(id), "event": .string(event.rawValue), "time": .string(Timestamp.text(time)),
    ]
    out["object"] = object.map { object -> JSON in
      ["kind": .string(object.kind), "namespace": .string(object.namespace), "name": .string(object.name)]
    }
    out["commit"] = commit.map(JSON.string)
    out["subject"] = subject.map(JSON.string)
    out["change"] = change.map { .string($0.rawValue) }
    out["message"] = message.map(JSON.string)
    out["upgrade"] = progress.map { progress -> JSON in
      [
        "fromApp": .string(progress.fromApp), "toApp": .string(progress.toApp), "done": JSON(progress.done),
        "total": JSON(progress.total),
      ]
    }
    return out
  }

  /// Nil if the JSON is not a notification as kdops stores it.
  init?(_ json: JSON) {
    guard let id = json["id"]?.string, let event = json["event"]?.string.flatMap(NotificationEvent.init),
      let time = json["time"]?.string.flatMap({ Timestamp.seconds($0) })
    else { return nil }
    var object: ObjectReference?
    if let stored = json["object"], let kind = stored["kind"]?.string, let name = stored["name"]?.string {
      object = ObjectReference(kind: kind, namespace: stored["namespace"]?.string ?? "", name: name)
    }
    var progress: Progress?
    if let stored = json["upgrade"], let from = stored["fromApp"]?.string, let to = stored["toApp"]?.string {
      progress = Progress(
        fromApp: from, toApp: to, done: stored["done"]?.count() ?? 0, total: stored["total"]?.count() ?? 0)
    }
    self.init(
      event, of: object, key: "", time: time, commit: json["commit"]?.string,
      subject: json["subject"]?.string, change: json["change"]?.string.flatMap(ChangeKind.init),
      message: json["message"]?.string, progress: progress)
    self.id = id
  }
}
