import NIOCore
import NIOEmbedded
import Testing

@testable import Kubernetes

@Suite("The handler behind the HTTP upgrade")
struct UpgradeGateTests {
  private static let switching = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"

  private func channel() throws -> EmbeddedChannel { EmbeddedChannel(handler: UpgradeGate()) }

  private func read(_ channel: EmbeddedChannel) throws -> String {
    var text = ""
    while let bytes = try channel.readInbound(as: ByteBuffer.self) { text += String(buffer: bytes) }
    return text
  }

  @Test("bytes after the answer are held until they are requested, however they are split", arguments: 1...70)
  func holding(cut: Int) throws {
    let channel = try channel()
    let bytes = Array((Self.switching + "frames").utf8)
    try channel.writeInbound(ByteBuffer(bytes: bytes.prefix(cut)))
    try channel.writeInbound(ByteBuffer(bytes: bytes.dropFirst(cut)))
    try channel.writeInbound(ByteBuffer(string: " and more"))
    #expect(try read(channel) == Self.switching)
    channel.pipeline.fireUserInboundEventTriggered(UpgradeGate.Event.opened)
    try channel.writeInbound(ByteBuffer(string: " and more"))
    #expect(try read(channel) == "frames and more and more")
    _ = try channel.finish()
  }

  @Test("the result is the same byte by byte")
  func slowly() throws {
    let channel = try channel()
    for byte in (Self.switching + "\r\n\r\n").utf8 { try channel.writeInbound(ByteBuffer(bytes: [byte])) }
    #expect(try read(channel) == Self.switching)
    channel.pipeline.fireUserInboundEventTriggered(UpgradeGate.Event.opened)
    #expect(try read(channel) == "\r\n\r\n")
    _ = try channel.finish()
  }

  @Test("an answer without an upgrade passes unchanged", arguments: 1...60)
  func refusal(cut: Int) throws {
    let channel = try channel()
    let text = "HTTP/1.1 404 Not Found\r\nContent-Length: 20\r\n\r\nHTTP/1.1 101 \r\n\r\nabc"
    try channel.writeInbound(ByteBuffer(bytes: text.utf8.prefix(cut)))
    try channel.writeInbound(ByteBuffer(bytes: text.utf8.dropFirst(cut)))
    #expect(try read(channel) == text)
    _ = try channel.finish()
  }
}
