import ClusterAPI

/// A queue of object names without duplicates, first in, first out.
struct NameQueue {
  private var names: [ObjectName] = []
  private var head = 0
  private var known: Set<ObjectName> = []

  var isEmpty: Bool { head == names.count }

  mutating func add(_ name: ObjectName) {
    if known.insert(name).inserted { names.append(name) }
  }

  mutating func pop() -> ObjectName? {
    guard head < names.count else { return nil }
    let name = names[head]
    head += 1
    known.remove(name)
    if head == names.count {
      names.removeAll(keepingCapacity: true)
      head = 0
    }
    return name
  }
}
