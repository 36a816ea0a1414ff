import Diagnostics
import HashTreeCollections
import Values

/// The objects of one kind, by name.
///
/// If a name is defined more than once, the first file's object is used and the others are stored as duplicates.
struct Definitions<Model: Sendable>: Sendable {
  private(set) var first: TreeDictionary<ObjectReference, Sourced<Model>> = [:]
  private var others: TreeDictionary<ObjectReference, [Sourced<Model>]> = [:]

  subscript(reference: ObjectReference) -> Sourced<Model>? { first[reference] }

  /// The duplicates of a name, in file order.
  func repeated(_ reference: ObjectReference) -> [Sourced<Model>] { others[reference] ?? [] }

  /// - Returns: The object that replaces the one used before; nil if that one is still used.
  mutating func insert(_ object: Sourced<Model>) -> Replacement? {
    guard let standing = first[object.reference] else {
      first[object.reference] = object
      return Replacement(old: nil, new: object)
    }
    guard let old = standing.source, let new = object.source else {
      first[object.reference] = object
      return Replacement(old: standing, new: object)
    }
    let wins = new.precedes(old)
    // Removed from the table to be changed in place: a file may repeat one name ten thousand times.
    var rest = others.removeValue(forKey: object.reference) ?? []
    Self.place(wins ? standing : object, among: &rest)
    others[object.reference] = rest
    guard wins else { return nil }
    first[object.reference] = object
    return Replacement(old: standing, new: object)
  }

  /// Inserts an object at its position in file order.
  private static func place(_ object: Sourced<Model>, among others: inout [Sourced<Model>]) {
    guard let source = object.source else { return others.append(object) }
    var (low, high) = (0, others.count)
    while low < high {
      let middle = (low + high) / 2
      if others[middle].source.map({ source.precedes($0) }) == true {
        high = middle
      } else {
        low = middle + 1
      }
    }
    others.insert(object, at: low)
  }

  /// Removes a file's definition of a name.
  mutating func remove(_ reference: ObjectReference, path: String?) -> Replacement? {
    var rest = (others[reference] ?? []).filter { !($0.source?.path).isExactly(path) }
    var replacement: Replacement?
    if let standing = first[reference], (standing.source?.path).isExactly(path) {
      let next = rest.isEmpty ? nil : rest.removeFirst()
      first[reference] = next
      replacement = Replacement(old: standing, new: next)
    }
    others[reference] = rest.isEmpty ? nil : rest
    return replacement
  }

  struct Replacement {
    var old: Sourced<Model>?
    var new: Sourced<Model>?
  }
}
