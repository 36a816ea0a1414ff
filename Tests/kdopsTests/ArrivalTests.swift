import ClusterAPI
import Testing

@testable import kdops

@Suite("A daemon that starts and finds no API server")
struct ArrivalTests {
  private static let passing: Set<APIError.Kind> = [.unavailable, .timeout, .throttled]

  @Test("waits for one that is away, longer each time up to 15 s")
  func away() {
    var arrival = Arrival(waits: true)
    let waits = (0..<6).map { _ in arrival.wait(after: APIError(.unavailable, "nobody is there")) }
    #expect(waits == [1, 2, 4, 8, 15, 15].map { .seconds($0) })
  }

  @Test("gives up at once where waiting cannot help", arguments: APIError.Kind.allCases)
  func refusals(_ kind: APIError.Kind) {
    var arrival = Arrival(waits: true)
    #expect((arrival.wait(after: APIError(kind, "no")) != nil) == Self.passing.contains(kind))
  }

  @Test("with --once gives up at once in any case", arguments: APIError.Kind.allCases)
  func once(_ kind: APIError.Kind) {
    var arrival = Arrival(waits: false)
    #expect(arrival.wait(after: APIError(kind, "no")) == nil)
  }

  @Test("leaves it alone for as long as it asks for")
  func retryAfter() {
    var arrival = Arrival(waits: true)
    #expect(
      arrival.wait(after: APIError(.throttled, "later", retryAfter: .seconds(40))) == .seconds(40))
  }
}
