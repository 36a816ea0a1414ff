import NIOCore

/// One connection through the faulty proxy, with both ends.
struct ProxiedConnection: Sendable {
  typealias Connection = FaultyProxy.Connection

  let line: FaultyProxy

  private enum End: Sendable {
    /// One side has sent everything.
    case side
    /// One side has closed.
    case broken
    /// The line was cut.
    case cut
  }

  private struct Cut: Error {}

  /// Forwards bytes in both directions until both sides are done, or the connection is cut.
  ///
  /// - Returns: whether it was cut.
  func carry(
    _ client: Connection, to connect: @escaping @Sendable () async throws -> Connection
  ) async -> Bool {
    await line.add(client.channel)
    // An error here means that one side has closed; closing the other connection passes that on.
    let wasCut = try? await client.executeThenClose { fromClient, toClient in
      try await line.calm()
      let server = try await connect()
      await line.add(server.channel)
      let wasCut = try? await server.executeThenClose { fromServer, toServer in
        let wasCut = await exchange(fromClient, toServer, fromServer, toClient)
        if wasCut { await cut(client.channel, server.channel) }
        return wasCut
      }
      await line.remove(server.channel)
      return wasCut ?? false
    }
    await line.remove(client.channel)
    return wasCut ?? false
  }

  private func exchange(
    _ fromClient: NIOAsyncChannelInboundStream<ByteBuffer>,
    _ toServer: NIOAsyncChannelOutboundWriter<ByteBuffer>,
    _ fromServer: NIOAsyncChannelInboundStream<ByteBuffer>,
    _ toClient: NIOAsyncChannelOutboundWriter<ByteBuffer>
  ) async -> Bool {
    let faults = line.faults
    let age = faults.age.map(line.seededFaults.length)
    let limit = faults.midStream.flatMap {
      line.seededFaults.falls($0.share) ? line.seededFaults.number($0.bytes) : nil
    }
    return await withTaskGroup(of: End.self) { tasks in
      tasks.addTask { await end { try await up(fromClient, toServer, answers: toClient) } }
      tasks.addTask { await end { try await down(fromServer, toClient, limit: limit) } }
      if let age {
        tasks.addTask { (try? await Task.sleep(for: age)) == nil ? .side : .cut }
      }
      defer { tasks.cancelAll() }
      var sides = 0
      while sides < 2, let end = await tasks.next() {
        guard case .side = end else { return end == .cut }
        sides += 1
      }
      return false
    }
  }

  private func end(_ work: () async throws -> Void) async -> End {
    do { try await work() } catch { return error is Cut ? .cut : .broken }
    return .side
  }

  private func up(
    _ client: NIOAsyncChannelInboundStream<ByteBuffer>, _ server: NIOAsyncChannelOutboundWriter<ByteBuffer>,
    answers: NIOAsyncChannelOutboundWriter<ByteBuffer>
  ) async throws {
    var pieces = client.makeAsyncIterator()
    if let refusingProxy = line.faults.refusingProxy {
      switch try await refusingProxy.meet(line.seededFaults, { try await pieces.next() }) {
      case .passes(let bytes): try await server.write(bytes)
      case .turnedAway(let answer):
        try await answers.write(answer)
        answers.finish()
      }
    }
    while let piece = try await pieces.next() {
      try await line.calm()
      try await server.write(piece)
    }
    server.finish()
  }

  private func down(
    _ server: NIOAsyncChannelInboundStream<ByteBuffer>, _ client: NIOAsyncChannelOutboundWriter<ByteBuffer>,
    limit: Int?
  ) async throws {
    var left = limit ?? .max
    for try await piece in server {
      try await line.calm()
      guard piece.readableBytes < left else {
        // The first half of the piece is forwarded.
        try await client.write(piece.getSlice(at: piece.readerIndex, length: left) ?? piece)
        throw Cut()
      }
      left -= piece.readableBytes
      try await client.write(piece)
    }
    client.finish()
  }

  /// Servers that crash end connections without an orderly close; proxies, and machines that shut down, close
  /// them in order.
  private func cut(_ channels: any Channel...) async {
    guard line.seededFaults.falls(0.5) else { return }
    for channel in channels { await FaultyProxy.reset(channel) }
  }
}
