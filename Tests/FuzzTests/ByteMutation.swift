/// Changes bytes of a valid file: replaces, cuts, repeats and joins them.
struct ByteMutation {
  private static let signs =
    Array("&*!|>-?:,[]{}#%@`\"'\\\t\r\n /~<=".utf8) + [
      0x00, 0x1B, 0x7F, 0x80, 0xC3, 0xE2, 0xEF, 0xF0, 0xFE, 0xFF,
    ]

  private let samples: [[UInt8]]

  init(_ samples: [[UInt8]]) { self.samples = samples }

  func bytes(_ random: inout some RandomNumberGenerator) -> [UInt8] {
    var bytes = samples.randomElement(using: &random) ?? []
    for _ in 0..<Int.random(in: 1...6, using: &random) { change(&bytes, &random) }
    return bytes
  }

  private func change(_ bytes: inout [UInt8], _ random: inout some RandomNumberGenerator) {
    let place = Int.random(in: 0...bytes.count, using: &random)
    let length = Int.random(in: 0...min(64, bytes.count - place), using: &random)
    let part = place..<place + length
    switch Int.random(in: 0..<10, using: &random) {
    case 0: bytes.removeSubrange(part)
    case 1: bytes.insert(Self.signs.randomElement(using: &random) ?? 0, at: place)
    case 2: bytes.insert(UInt8.random(in: .min ... .max, using: &random), at: place)
    case 3: bytes.replaceSubrange(part, with: Array(HostileText.any(&random).utf8))
    case 4: bytes.insert(contentsOf: Array(HostileText.any(&random).utf8), at: place)
    case 5: bytes.insert(contentsOf: bytes[part], at: place)
    case 6:
      let times = Int.random(in: 1...2_000, using: &random)
      bytes.insert(contentsOf: (0..<times).flatMap { _ in bytes[part] }, at: place)
    case 7: bytes.removeSubrange(place...)
    case 8:
      let other = samples.randomElement(using: &random) ?? []
      bytes.replaceSubrange(place..., with: other[Int.random(in: 0...other.count, using: &random)...])
    default:
      guard place < bytes.count else { return }
      bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    }
  }
}
