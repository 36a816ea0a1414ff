import Testing
import Values

@Suite("A bounded history")
struct BoundedHistoryTests {
  @Test("keeps the newest entries and drops the oldest")
  func bounded() {
    var history = BoundedHistory<Int, String>(limit: 3)
    for number in 1...5 { history[number] = "\(number)" }
    #expect(history.all == [3: "3", 4: "4", 5: "5"])
    #expect(!history.contains(2) && history.contains(5))
  }

  @Test("a changed entry keeps its age")
  func changed() {
    var history = BoundedHistory<Int, String>(limit: 2)
    (history[1], history[2], history[1]) = ("a", "b", "c")
    #expect(history[1] == "c")
    history[3] = "d"
    #expect(history.all == [2: "b", 3: "d"])
  }

  @Test("an entry that was removed and added again is as new as its last addition")
  func again() {
    var history = BoundedHistory<Int, String>(limit: 2)
    (history[1], history[1], history[1]) = ("a", nil, "b")
    history[2] = "c"
    #expect(history.all == [1: "b", 2: "c"])
    history[3] = "d"
    #expect(history.all == [2: "c", 3: "d"])
  }
}
