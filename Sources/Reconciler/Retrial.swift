/// Tries that follow each other with growing pauses. However many rounds there are meanwhile, one is due at a time.
struct Retrial {
  private var due: Int?
  private var number = 0
  private var failures = 0

  /// - Returns: the next try, and how long to wait for it; nil where none is needed, or one is due already.
  mutating func next(_ isNeeded: Bool) -> (number: Int, wait: Duration)? {
    guard isNeeded else {
      (due, failures) = (nil, 0)
      return nil
    }
    guard due == nil else { return nil }
    number += 1
    due = number
    defer { failures += 1 }
    return (number, .milliseconds(min(30_000, 500 << min(failures, 6))))
  }

  /// The pause before a try is over.
  mutating func begin(_ number: Int) {
    if due == number { due = nil }
  }
}
