import HummingbirdCore
import Logging
import NIOCore
import Synchronization

/// How long one connection may go without getting on.
struct ConnectionTiming: Sendable {
  /// From the connection to the end of the first request's head, TLS included.
  var opening = TimeAmount.seconds(30)
  /// From a request's head to the end of its answer, for what the handler's own limit does not see: a client that
  /// reads nothing, or a body that is sent on after the answer.
  var request = TimeAmount.seconds(20)
  /// From an answer to the next request's head. Longer than API servers keep an idle connection (90 s), so that it is
  /// they who close it: whoever posts into a connection that is just being closed loses the request.
  var idle = TimeAmount.seconds(120)
  /// From a refusal, for the client to read why.
  var farewell = TimeAmount.seconds(2)
}

/// The connections that are open: how many of them an address has, and when each is closed.
///
/// Each has one deadline, which no number of bytes puts off: a client that sends a byte now and then holds no longer
/// than one that sends nothing.
final class ConnectionTable: Sendable {
  /// API servers keep a handful of connections, each of them from an address of its own.
  static let limitOfAddress = 32

  private struct State {
    var counts: [String: Int] = [:]
    var alarms: [ObjectIdentifier: Scheduled<Void>] = [:]
  }

  private let state = Mutex(State())
  private let limit: Int

  init(limitOfAddress limit: Int = limitOfAddress) { self.limit = limit }

  /// Counts a new connection until it is closed.
  /// - Returns: false where its address has as many as it may; it is not counted then.
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

  /// Puts another deadline in place of the one that the connection has.
  func allow(_ channel: any Channel, _ time: TimeAmount) {
    // Taken out here as well: the connection may have been closed before this was put in.
    let alarm = channel.eventLoop.scheduleTask(in: time) { [self] in
      state.withLock { $0.alarms[ObjectIdentifier(channel)] = nil }
      channel.close(promise: nil)
    }
    let old = state.withLock { $0.alarms.updateValue(alarm, forKey: ObjectIdentifier(channel)) }
    old?.cancel()
  }
}

/// A kind of connection whose number and time are limited.
struct LimitedChannel<Base: ServerChildChannel>: ServerChildChannel {
  let base: Base
  let table: ConnectionTable
  let timing: ConnectionTiming

  func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Base.Value> {
    guard table.add(channel) else {
      // It has to be set up all the same, and is seen to be closed then.
      return base.setup(channel: channel, logger: logger).map { value in
        channel.close(promise: nil)
        return value
      }
    }
    table.allow(channel, timing.opening)
    return base.setup(channel: channel, logger: logger)
  }

  func handle(value: Base.Value, logger: Logger) async { await base.handle(value: value, logger: logger) }
}
