import KubeDirector
import Values

/// The content of a Kubernetes Event about an object, shown by `kubectl describe` and `kubectl get events`.
public struct RecordedEvent: Sendable, Hashable {
  /// The object that the event is about.
  public var object: Object.Reference
  public var isWarning: Bool
  /// One word in CamelCase.
  public var reason: String
  public var message: String

  public init(about object: Object.Reference, isWarning: Bool = false, reason: String, message: String) {
    self.object = object
    self.isWarning = isWarning
    self.reason = reason
    self.message = message
  }
}

/// The event recorder. Writes Kubernetes Events asynchronously: callers never wait for one, and never fail because one
/// could not be written.
public struct EventRecorder: Sendable {
  private let api: any ClusterAPI
  private let now: @Sendable () -> Int
  private let onFailure: @Sendable (APIError) -> Void
  private let stream: AsyncStream<RecordedEvent>
  private let continuation: AsyncStream<RecordedEvent>.Continuation

  /// Creates an event recorder.
  ///
  /// - Parameters:
  ///   - now: in whole seconds since 1970.
  ///   - onFailure: called for each event that could not be written.
  public init(
    api: any ClusterAPI, now: @escaping @Sendable () -> Int,
    onFailure: @escaping @Sendable (APIError) -> Void = { _ in }
  ) {
    self.api = api
    self.now = now
    self.onFailure = onFailure
    // With a full buffer the server cannot keep up. The newest events are more useful than the oldest.
    (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(4096))
  }

  public func announce(_ announcement: RecordedEvent) { continuation.yield(announcement) }

  /// Writes queued events until the task is cancelled.
  public func run() async {
    var recent = Recent()
    for await announcement in stream {
      do throws(APIError) {
        try await write(announcement, &recent)
      } catch {
        onFailure(error)
      }
    }
  }

  private func write(_ announcement: RecordedEvent, _ recent: inout Recent) async throws(APIError) {
    let time = now()
    if let (name, count) = recent.again(announcement, at: time) {
      let patch: JSON = ["count": JSON(count), "lastTimestamp": .string(Timestamp.text(time))]
      do throws(APIError) {
        _ = try await api.patch(.events, name, merge: patch)
        return
      } catch {
        // The server deletes Events after an hour or so. Then a new one is created.
        guard error.kind == .notFound else { throw error }
      }
    }
    let object = Self.object(announcement, time, number: recent.next())
    _ = try await api.create(object)
    recent.remember(announcement, object.objectName, at: time)
  }

  static func object(_ announcement: RecordedEvent, _ time: Int, number: Int) -> Object {
    let about = announcement.object
    // `kubectl describe` has a resolution of one second, and sorts events of the same second by name.
    let order = String(time << 16 | number & 0xFFFF, radix: 16)
    let digest = Digest.short("\(about.uid) \(time) \(number) \(announcement.message)").prefix(8)
    let name = "\(about.name.name).\(order)\(digest)"
    let stamp = JSON.string(Timestamp.text(time))
    return Object(
      .events, namespace: about.name.namespace, name: name,
      content: [
        "involvedObject": [
          "apiVersion": .string(about.apiVersion), "kind": .string(about.kind),
          "namespace": .string(about.name.namespace), "name": .string(about.name.name),
          "uid": .string(about.uid),
        ],
        "type": .string(announcement.isWarning ? "Warning" : "Normal"),
        "reason": .string(announcement.reason),
        // The server rejects longer messages.
        "message": .string(String(announcement.message.prefix(1000))),
        "source": ["component": "kdops"], "reportingComponent": "kdops", "reportingInstance": "kdops",
        "firstTimestamp": stamp, "lastTimestamp": stamp, "count": 1,
      ])
  }

  /// The events of the last minutes. An event that repeats only increments its count.
  private struct Recent {
    private var entries: [RecordedEvent: (name: ObjectName, count: Int, time: Int)] = [:]
    private var number = 0
    private static let span = 600
    private static let size = 512

    mutating func next() -> Int {
      number += 1
      return number
    }

    mutating func again(_ announcement: RecordedEvent, at time: Int) -> (ObjectName, Int)? {
      guard var entry = entries[announcement], time - entry.time < Self.span else { return nil }
      entry.count += 1
      entry.time = time
      entries[announcement] = entry
      return (entry.name, entry.count)
    }

    mutating func remember(_ announcement: RecordedEvent, _ name: ObjectName, at time: Int) {
      if entries.count >= Self.size { entries = entries.filter { time - $0.value.time < Self.span / 10 } }
      if entries.count >= Self.size { entries = [:] }
      entries[announcement] = (name, 1, time)
    }
  }
}
