import TestSupport

/// The source of random events.
typealias Chance = SeededRandom

extension SeededRandom {
  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(max(1, bound))) }

  mutating func pick<Element>(_ list: [Element]) -> Element { list[below(list.count)] }

  mutating func shuffled<Element>(_ list: [Element]) -> [Element] {
    var (rest, out) = (list, [Element]())
    while !rest.isEmpty { out.append(rest.remove(at: below(rest.count))) }
    return out
  }
}
