import TestSupport
import Testing
import Values

@Suite("The members of a JSON object")
struct JSONMembersTests {
  /// The reference implementation: a plain list of pairs.
  private struct Model {
    var pairs: [(key: String, value: JSON)] = []

    subscript(name: String) -> JSON? {
      get { pairs.first { $0.key.isExactly(name) }?.value }
      set {
        let index = pairs.firstIndex { $0.key.isExactly(name) }
        switch (index, newValue) {
        case (let index?, let value?): pairs[index].value = value
        case (let index?, nil): pairs.remove(at: index)
        case (nil, let value?): pairs.append((name, value))
        case (nil, nil): break
        }
      }
    }
  }

  @Test(
    "keep their order and values through random changes, in small and in large objects", arguments: [8, 60])
  func random(names: Int) {
    var numbers = SeededRandom(seed: UInt64(names))
    for _ in 0..<50 {
      var (members, model) = (JSON.Members(), Model())
      for step in 0..<200 {
        let name = "name-\(numbers.below(names))"
        let value: JSON? = numbers.below(3) == 0 ? nil : .integer(Int64(step))
        members[name] = value
        model[name] = value
      }
      #expect(Array(members.keys) == model.pairs.map(\.key))
      #expect(Array(members.values) == model.pairs.map(\.value))
      for name in 0..<names { #expect(members["name-\(name)"] == model["name-\(name)"]) }
    }
  }

  @Test("are equal in any order, and not with another name or value")
  func equality() {
    let names = (0..<40).map { "n\($0)" }
    func members(_ names: some Sequence<String>) -> JSON {
      .object(JSON.Members(names.map { (key: $0, value: .string($0)) }, uniquingKeysWith: { one, _ in one }))
    }
    let all = members(names)
    #expect(all == members(names.reversed()))
    #expect(all != members(names.dropLast()))
    #expect(all != members(names.dropLast() + ["other"]))
    var changed = all
    changed["n7"] = 1
    #expect(changed != all)
    changed["n7"] = "n7"
    #expect(changed == all)
  }

  @Test("distinguish names by their bytes")
  func bytes() {
    let (composed, decomposed) = ("\u{E9}", "e\u{301}")
    var members: JSON.Members = [:]
    members[composed] = 1
    members[decomposed] = 2
    #expect(members.count == 2)
    #expect(members[composed] == 1 && members[decomposed] == 2)
    #expect(!composed.isExactly(decomposed))
  }

  @Test("compares texts of any length byte by byte")
  func lengths() {
    for length in 0..<40 {
      let text = String(repeating: "x", count: length)
      #expect(text.isExactly(text))
      for place in 0..<length {
        var bytes = Array(text.utf8)
        bytes[place] = UInt8(ascii: "y")
        #expect(!text.isExactly(String(decoding: bytes, as: UTF8.self)))
      }
    }
  }

  @Test("removing and updating return the previous value, and merging combines both")
  func returned() {
    var members: JSON.Members = ["a": 1, "b": 2]
    let removed = [members.removeValue(forKey: "a"), members.removeValue(forKey: "a")]
    #expect(removed == [1, nil])
    let updated = [members.updateValue(3, forKey: "b"), members.updateValue(4, forKey: "c")]
    #expect(updated == [2, nil])
    members.merge([(key: "b", value: 5), (key: "d", value: 6)], uniquingKeysWith: { one, _ in one })
    #expect(JSON.object(members) == ["b": 3, "c": 4, "d": 6])
  }
}
