import Testing

@testable import Controller

@Suite("Commands that cannot be begun")
struct MissTests {
  @Test("what passes within seconds is told to nobody, what lasts again and again")
  func told() {
    #expect((1...20).filter { Engine.isTold($0, isRefused: false) } == [5, 10, 15, 20])
  }

  @Test("a permission that is missing is told at once")
  func refused() {
    #expect((1...10).filter { Engine.isTold($0, isRefused: true) } == [1, 5, 10])
  }

  @Test("they are tried again after a second, later after up to ten")
  func waits() {
    let waits = (1...10).map { Engine.wait(afterMiss: $0, isRefused: false) }
    #expect(waits == [1, 1, 1, 1, 1, 2, 4, 8, 10, 10].map { .seconds($0) })
    #expect(Engine.wait(afterMiss: 1, isRefused: true) == .seconds(5))
  }
}
