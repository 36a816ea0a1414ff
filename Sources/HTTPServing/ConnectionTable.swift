import HummingbirdCore
import Logging
import NIOCore
import Synchronization

/// The timeouts of a connection.
public struct ConnectionTiming: Sendable {
  /// From the connection to the end of the first request's head, including the TLS handshake.
  public var opening: TimeAmount
  /// From a request's head to the end of its response. It covers two cases that the handler's own timeout does not: a
  /// client that does not read, and one that keeps sending the body after the response.
  public var request: TimeAmount
  /// From a response to the next request's head. Longer than API servers keep an idle connection (90 s), so
  /// that they close it: a request sent into a connection that is being closed is lost.
  public var idle: TimeAmount
  /// From a refusal until the connection is closed, so that the client can read the reason.
  public var closing: TimeAmount

  public init(
    opening: TimeAmount = .seconds(30), request: TimeAmount = .seconds(20), idle: TimeAmount = .seconds(120),
    closing: TimeAmount = .seconds(2)
  ) {
    (self.opening, self.request, self.idle, self.closing) = (opening, request, idle, closing)
  }
}

/// The open connections: the number for each address, and the deadline of each.
///
/// Each connection has one deadline, which received bytes do not extend: a client that sends a byte now and
/// then is closed as early as one that sends nothing.
public final class ConnectionTable: Sendable {
  /// The most connections of one address, unless a server sets another limit. API servers keep a handful of
  /// connections, each server from its own address.
  public static let limitOfAddress = 32

  private struct State {
    var counts: [String: Int] = [:]
    var alarms: [ObjectIdentifier: Scheduled<Void>] = [:]
  }

  private let state = Mutex(State())
  private let limit: Int

  public init(limitOfAddress limit: Int = limitOfAddress) { self.limit = limit }

  /// Counts a new connection until it is closed.
  /// - Returns: false if its address has reached the limit; the connection is then not counted.
  func add(_ channel: any Channel) -> Bool {
    let address = channel.remoteAddress?.ipAddress ?? ""
    let isAdded = state.withLock { state in
      guard state.counts[address, default: 0] < limit else { return false }
      state.counts[address, default: 0] += 1
      return true
    }
    guard isAdded else { return false }
    channel.closeFuture.whenComplete { [self] _ in remove(channel, address) }
    return true
  }

  private func remove(_ channel: any Channel, _ address: String) {
    let alarm = state.withLock { state in
      let left = (state.counts[address] ?? 0) - 1
      state.counts[address] = left > 0 ? left : nil
      return state.alarms.removeValue(forKey: ObjectIdentifier(channel))
    }
    alarm?.cancel()
  }

  /// Replaces the deadline of a connection.
  public func allow(_ channel: any Channel, _ time: TimeAmount) {
    // Also removed here, because the connection may have been closed before the deadline was stored.
    let alarm = channel.eventLoop.scheduleTask(in: time) { [self] in
      state.withLock { $0.alarms[ObjectIdentifier(channel)] = nil }
      channel.close(promise: nil)
    }
    let old = state.withLock { $0.alarms.updateValue(alarm, forKey: ObjectIdentifier(channel)) }
    old?.cancel()
  }
}

/// A channel type whose connections are limited in number and time.
public struct LimitedChannel<Base: ServerChildChannel>: ServerChildChannel {
  let base: Base
  let table: ConnectionTable
  let timing: ConnectionTiming

  public init(base: Base, table: ConnectionTable, timing: ConnectionTiming) {
    (self.base, self.table, self.timing) = (base, table, timing)
  }

  public func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Base.Value> {
    guard table.add(channel) else {
      // The connection must be set up before it can be closed.
      return base.setup(channel: channel, logger: logger).map { value in
        channel.close(promise: nil)
        return value
      }
    }
    table.allow(channel, timing.opening)
    return base.setup(channel: channel, logger: logger)
  }

  public func handle(value: Base.Value, logger: Logger) async {
    await base.handle(value: value, logger: logger)
  }
}
