import Synchronization
import TestSupport

/// Seeded random numbers for all faults of a proxy. Connections compete for the next number, so a seed repeats the
/// kind of faults, but not each of them.
final class SeededFaults: Sendable {
  let seed: UInt64
  private let state: Mutex<SeededRandom>

  init(seed: UInt64) {
    self.seed = seed
    state = Mutex(SeededRandom(seed: seed))
  }

  /// A number from 0 up to 1.
  func unit() -> Double { Double(next() >> 11) / Double(1 << 53) }

  func number(_ range: ClosedRange<Int>) -> Int {
    range.lowerBound + Int(unit() * Double(range.count))
  }

  func length(_ range: ClosedRange<Duration>) -> Duration {
    range.lowerBound + (range.upperBound - range.lowerBound) * unit()
  }

  /// True with this probability.
  func falls(_ share: Double) -> Bool { unit() < share }

  private func next() -> UInt64 { state.withLock { $0.next() } }
}
