import ClusterAPI
import Values

extension APIHandler {
  /// The longest time of a watch; clients then watch again.
  private static let watchLimit = 3600

  func watch(_ kind: ServedKind, _ namespace: String?, _ request: APIRequest) throws(APIFailure) -> Reply {
    let selection = try Selection(request)
    let version = request.parameter("resourceVersion") ?? ""
    // Without a version, the client wants the existing objects first.
    let isInitial = version.isEmpty || version == "0" || request.isSet("sendInitialEvents")
    let marksInitialEnd = request.isSet("sendInitialEvents")
    let seconds = request.parameter("timeoutSeconds").flatMap { Int($0) } ?? Self.watchLimit
    let limit = Duration.seconds(min(max(seconds, 1), Self.watchLimit))
    let encoder = WatchEncoder(
      writer: writer(kind, request), selection: selection,
      sendsBookmarks: request.isSet("allowWatchBookmarks"), now: now)
    return .stream(type: "application/json") { send in
      try await Self.within(limit) {
        do {
          try await follow(
            kind, namespace, selection, encoder, from: isInitial ? nil : version,
            marksInitialEnd: marksInitialEnd, send)
        } catch let error as APIError {
          try await send(WatchEncoder.error(APIFailure(error, kind, "")))
        } catch let failure as APIFailure {
          try await send(WatchEncoder.error(failure))
        }
      }
    }
  }

  /// - Parameter version: nil to send the existing objects first.
  private func follow(
    _ kind: ServedKind, _ namespace: String?, _ selection: Selection, _ encoder: WatchEncoder,
    from version: String?, marksInitialEnd: Bool, _ send: Reply.Send
  ) async throws {
    var encoder = encoder
    let list = try await objects(kind, namespace, selection)
    if version == nil {
      for object in list.items {
        if let line = encoder.line(.added(object)) { try await send(line) }
      }
      if marksInitialEnd { try await send(encoder.bookmark(list.resourceVersion, isInitialEnd: true)) }
    } else {
      // Not exactly the objects at that version, but an object that is no longer selected is among neither.
      encoder.know(list.items)
    }
    // Labels are not passed on: the encoder needs the objects that are no longer selected.
    let events = api.watch(
      kind.resource, namespace: namespace, labels: .everything, after: version ?? list.resourceVersion)
    for try await event in events {
      if let object = event.object, isHidden(kind, object.namespace) { continue }
      if let line = encoder.line(event) { try await send(line) }
    }
  }

  /// Runs the body until it ends or the time has passed.
  private static func within(
    _ limit: Duration, _ body: @escaping @Sendable () async throws -> Void
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await body() }
      group.addTask { try await Task.sleep(for: limit) }
      _ = try await group.next()
      group.cancelAll()
    }
  }
}

extension WatchEvent {
  /// Nil for a bookmark.
  fileprivate var object: Object? {
    switch self {
    case .added(let object), .modified(let object), .deleted(let object): object
    case .bookmark: nil
    }
  }
}
