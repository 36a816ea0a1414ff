import Synchronization

/// Chance with a seed, shared by everything that a proxy does. Connections race each other for the next throw, so
/// that a seed brings back the kind of trouble, and not every piece of it.
final class Dice: Sendable {
  let seed: UInt64
  private let state: Mutex<UInt64>

  init(seed: UInt64) {
    self.seed = seed
    state = Mutex(seed)
  }

  /// A number from 0 up to 1.
  func unit() -> Double { Double(next() >> 11) / Double(1 << 53) }

  func number(_ range: ClosedRange<Int>) -> Int {
    range.lowerBound + Int(unit() * Double(range.count))
  }

  func length(_ range: ClosedRange<Duration>) -> Duration {
    range.lowerBound + (range.upperBound - range.lowerBound) * unit()
  }

  /// True in this share of all cases.
  func falls(_ share: Double) -> Bool { unit() < share }

  /// The same numbers for the same seed (SplitMix64).
  private func next() -> UInt64 {
    state.withLock { state in
      state &+= 0x9E37_79B9_7F4A_7C15
      var mixed = state
      mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
      return mixed ^ (mixed >> 31)
    }
  }
}
