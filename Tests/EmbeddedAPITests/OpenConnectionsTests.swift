import NIOCore
import NIOEmbedded
import Testing

@testable import EmbeddedAPI

@Suite("The number of open connections")
struct OpenConnectionsTests {
  private func connected(_ channel: EmbeddedChannel) throws -> EmbeddedChannel {
    try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    return channel
  }

  @Test("a connection replaces the oldest one without the token, and none with it")
  func replacement() throws {
    let open = OpenConnections(limit: 2)
    let channels = try (0..<4).map { _ in try connected(EmbeddedChannel()) }
    let first = try #require(open.enter(channels[0]))
    let second = try #require(open.enter(channels[1]))
    open.authorize(second)
    let third = try #require(open.enter(channels[2]))
    #expect(!channels[0].isActive)
    #expect(channels[1].isActive)
    // Too late: its place is taken.
    open.authorize(first)
    open.leave(first)
    open.authorize(third)
    #expect(open.enter(channels[3]) == nil)
    #expect(channels[2].isActive)
    open.leave(second)
    #expect(open.enter(channels[3]) != nil)
  }
}
