import AsyncHTTPClient
import ClusterAPI
import NIOCore
import Values

/// One watch over several successive connections.
///
/// Reads only on demand, so that a slow consumer slows the server down instead of filling this process's
/// memory. The next connection continues after the last event that was returned, so an incomplete line at the
/// end of a connection is neither lost nor duplicated.
actor WatchSession {
  /// The objects to watch.
  struct Query: Sendable {
    var resource: Resource
    var namespace: String?
    var labels: LabelSelector
  }

  private let query: Query
  private let sender: Sender
  private let resources: ResourceMap

  private var version: String
  private var request: APIRequest?
  private var body: HTTPClientResponse.Body.AsyncIterator?
  private var lines = LineBuffer()
  private var openedAt = Duration.zero
  /// The number of consecutive connections that ended at once without an event.
  private var idleEnds = 0
  private let backoff = Backoff(first: .milliseconds(100), limit: .seconds(30))

  init(_ query: Query, after version: String, sender: Sender, resources: ResourceMap) {
    self.query = query
    self.version = version
    self.sender = sender
    self.resources = resources
  }

  /// Returns the next event. When a connection ends, it is replaced: servers end each after a while, and
  /// proxies cut them.
  /// - Throws: `APIError` if the server sends no more events, or `CancellationError`; the connection is then
  ///   closed.
  func next() async throws -> WatchEvent? {
    do {
      while true {
        try Task.checkCancellation()
        let request = try await opened()
        if let event = try event(of: request) { return event }
        guard lines.pendingBytes <= sender.options.lineLimit else {
          throw APIError(
            .other,
            "\(request.subject): the watch brought a line of more than \(sender.options.lineLimit) bytes")
        }
        guard let chunk = try await read(request) else {
          try await end()
          continue
        }
        lines.append(chunk)
      }
    } catch {
      close()
      throw error
    }
  }

  private func event(of request: APIRequest) throws(APIError) -> WatchEvent? {
    while true {
      let outcome = lines.next { line -> Result<WatchEvent?, APIError> in
        do throws(APIError) {
          return .success(
            try WatchLine.event(line, of: request, identity: sender.identity) {
              Object($0, as: query.resource)
            })
        } catch {
          return .failure(error)
        }
      }
      guard let outcome else { return nil }
      guard let event = try outcome.get() else { continue }
      idleEnds = 0
      switch event {
      case .added(let object), .modified(let object), .deleted(let object): version = object.resourceVersion
      case .bookmark(let newer): version = newer
      }
      return event
    }
  }

  // MARK: Connections

  private func opened() async throws(APIError) -> APIRequest {
    if let request, body != nil { return request }
    var request = try APIRequest(
      .watch, try await resources.served(query.resource), namespace: query.namespace,
      query: [("watch", "1"), ("allowWatchBookmarks", "true")])
    // Half an hour to an hour, so that many watches do not restart at the same time.
    request.add(query: [("timeoutSeconds", String(1800 + Int(1800 * sender.options.random())))])
    if !version.isEmpty { request.add(query: [("resourceVersion", version)]) }
    if let labels = query.labels.query { request.add(query: [("labelSelector", labels)]) }
    openedAt = sender.time.elapsed()
    body = try await sender.send(request) { $0 }.makeAsyncIterator()
    self.request = request
    return request
  }

  /// Returns the next part of the response; nil if the connection has ended, was cut, or was silent for so long
  /// that it counts as dead.
  private func read(_ request: APIRequest) async throws -> ByteBuffer? {
    guard var body else { return nil }
    self.body = nil
    do {
      let chunk = try await body.next(isolation: self)
      if chunk != nil { self.body = body }
      return chunk
    } catch let error as HTTPClientError where error == .readTimeout {
      return nil
    } catch {
      try Task.checkCancellation()
      let failure = TransportFailure(error)
      guard !failure.isFinal else { throw failure.error(request.subject, at: sender.transport.server) }
      sender.logger.debug(
        "watch.cut", metadata: ["watch": "\(request.subject)", "reason": "\(failure.words)"])
      return nil
    }
  }

  private func end() async throws {
    close()
    guard sender.time.elapsed() - openedAt < .seconds(1) else {
      idleEnds = 0
      return
    }
    idleEnds += 1
    try await sender.time.sleep(backoff.longest(attempt: idleEnds) * sender.options.random())
  }

  private func close() {
    body = nil
    lines = LineBuffer()
  }
}
