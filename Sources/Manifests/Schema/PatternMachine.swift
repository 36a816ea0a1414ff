/// A nondeterministic automaton for a pattern, and its conversion to a deterministic one.
struct PatternMachine {
  /// The action of a state. States are indices into `steps`.
  private enum Step {
    case consume(CharacterClass, next: Int)
    case split([Int])
    case start(next: Int)
    case end(next: Int)
    case match
  }

  /// Large enough for `{1,253}` and similar; a pattern that exceeds a limit is rejected when the schema is compiled.
  private static let stepLimit = 20_000
  private static let stateLimit = 4_000

  private let pattern: String
  private var steps: [Step] = [.match]

  /// The initial state.
  private var entry = 0

  init(_ syntax: PatternSyntax, pattern: String) throws(PatternError) {
    self.pattern = pattern
    entry = try add(syntax, next: 0)
  }

  // MARK: From syntax to steps, from the end to the beginning

  private mutating func add(_ syntax: PatternSyntax, next: Int) throws(PatternError) -> Int {
    switch syntax {
    case .set(let set): return try append(.consume(set, next: next))
    case .start: return try append(.start(next: next))
    case .end: return try append(.end(next: next))
    case .sequence(let parts):
      var next = next
      for part in parts.reversed() { next = try add(part, next: next) }
      return next
    case .alternatives(let branches):
      var entries: [Int] = []
      for branch in branches { entries.append(try add(branch, next: next)) }
      return try append(.split(entries))
    case .repeated(let inside, let minimum, let maximum):
      var entry = next
      if let maximum {
        for _ in 0..<(maximum - minimum) {
          let once = try add(inside, next: entry)
          entry = try append(.split([once, next]))
        }
      } else {
        let loop = try append(.split([]))
        let once = try add(inside, next: loop)
        steps[loop] = .split([once, next])
        entry = loop
      }
      for _ in 0..<minimum { entry = try add(inside, next: entry) }
      return entry
    }
  }

  private mutating func append(_ step: Step) throws(PatternError) -> Int {
    guard steps.count < Self.stepLimit else { throw tooLarge }
    steps.append(step)
    return steps.count - 1
  }

  private var tooLarge: PatternError { PatternError(pattern: pattern, message: "it is too large") }

  // MARK: From steps to a table

  /// The table: the next state by state and symbol class, and the meaning of each state.
  func table() throws(PatternError) -> Pattern.Table {
    let (classes, representatives) = symbolClasses()
    var table = Pattern.Table(classes: classes, classCount: representatives.count)
    var numbers: [[Int]: Int] = [:]
    var states: [[Int]] = []
    func number(of state: [Int]) throws(PatternError) -> Int {
      if let known = numbers[state] { return known }
      guard states.count < Self.stateLimit else { throw tooLarge }
      numbers[state] = states.count
      states.append(state)
      return states.count - 1
    }
    // The search may begin anywhere, so every state includes the entry; `^` can only match at the beginning.
    _ = try number(of: closure([entry], atStart: true, atEnd: false))
    table.matchesEmpty = closure([entry], atStart: true, atEnd: true).contains(0)
    var done = 0
    while done < states.count {
      let state = states[done]
      table.isMatch.append(state.contains(0))
      table.isMatchAtEnd.append(closure(state, atStart: false, atEnd: true).contains(0))
      for symbol in representatives {
        let targets = state.compactMap { index -> Int? in
          guard case .consume(let set, let next) = steps[index], set.contains(symbol) else { return nil }
          return next
        }
        let next = closure(targets + [entry], atStart: false, atEnd: false)
        table.next.append(UInt16(try number(of: next)))
      }
      done += 1
    }
    return table
  }

  /// Groups symbols that no set of the pattern distinguishes: the class of each symbol, and one symbol per class.
  private func symbolClasses() -> (classes: [UInt8], representatives: [UInt8]) {
    var sets: [CharacterClass] = []
    for case .consume(let set, _) in steps where !sets.contains(set) { sets.append(set) }
    var known: [[Bool]: UInt8] = [:]
    var representatives: [UInt8] = []
    let classes = (0...CharacterClass.other).map { symbol in
      let membership = sets.map { $0.contains(symbol) }
      if let number = known[membership] { return number }
      let number = UInt8(representatives.count)
      known[membership] = number
      representatives.append(symbol)
      return number
    }
    return (classes, representatives)
  }

  /// The states reachable without a character, sorted. A pending `$` is kept; a state that only leads to others is
  /// not.
  private func closure(_ from: [Int], atStart: Bool, atEnd: Bool) -> [Int] {
    var seen = [Bool](repeating: false, count: steps.count)
    var reached: [Int] = []
    var open = from
    while let index = open.popLast() {
      if seen[index] { continue }
      seen[index] = true
      switch steps[index] {
      case .consume, .match: reached.append(index)
      case .split(let targets): open += targets
      case .start(let next): if atStart { open.append(next) }
      case .end(let next):
        reached.append(index)
        if atEnd { open.append(next) }
      }
    }
    return reached.sorted()
  }
}
