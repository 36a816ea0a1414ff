import Testing

@testable import GitStore

@Suite("The socket under libgit2's SSH transport")
struct SocketLayoutTests {
  init() throws { try GitLibrary.start() }

  @Test("libgit2 sends its SSH greeting to the socket of the stream")
  func found() throws {
    try SocketLayout.check()
    #expect(SocketLayout.greetingArrives(descriptorIn: \.descriptor))
  }

  @Test("a descriptor at another place of the stream is not used, and noticed")
  func displaced() {
    #expect(!SocketLayout.greetingArrives(descriptorIn: \.beyond.0))
  }

  @Test("the version is the one of the loaded library, 1.5 or a later 1.x")
  func version() {
    let parts = GitLibrary.version.split(separator: ".").compactMap { Int($0) }
    #expect(parts.count == 3 && parts[0] == 1 && parts[1] >= 5)
  }
}
