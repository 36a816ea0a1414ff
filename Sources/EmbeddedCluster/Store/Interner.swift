import Values

/// Deduplicates objects that were read from disk, so that they share common parts as objects made from one
/// template do.
///
/// Thousands of pods differ in little more than their names; without this, each would hold a copy of
/// everything.
struct Interner {
  /// Fields whose values are often equal in many objects.
  private static let sharedParts: Set<String> = [
    "containers", "initContainers", "labels", "matchLabels", "ownerReferences", "template", "updateStrategy",
  ]

  private var strings: Set<ExactString> = []
  private var parts: [JSON: JSON] = [:]

  mutating func intern(_ json: JSON) -> JSON {
    switch json {
    case .null, .bool, .integer, .number: return json
    case .string(let text): return .string(intern(text))
    case .array(let items):
      return .array(items.map { intern($0) })
    case .object(let members):
      // Allocated with the exact capacity, unlike a dictionary that grew while it was read.
      var compact = JSON.Members(minimumCapacity: members.count)
      for (key, value) in members {
        compact[intern(key)] = Self.sharedParts.contains(key) ? share(value) : intern(value)
      }
      return .object(compact)
    }
  }

  private mutating func share(_ json: JSON) -> JSON {
    if let known = parts[json] { return known }
    let new = intern(json)
    parts[new] = new
    return new
  }

  private mutating func intern(_ text: String) -> String {
    // Shorter strings are stored inline, without an allocation.
    guard text.utf8.count > 15 else { return text }
    return strings.insert(ExactString(text)).memberAfterInsert.wrappedValue
  }
}
