import Values

/// Lets objects that were read from disk share what they have in common, as those do that were made from one template.
///
/// Thousands of pods differ in little more than their names; read one by one, each would hold a copy of everything.
struct Interner {
  /// Parts that many objects have alike.
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
      // Made with exactly the room it needs, unlike one that grew while it was read.
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
    // Shorter ones are held without any storage of their own.
    guard text.utf8.count > 15 else { return text }
    return strings.insert(ExactString(text)).memberAfterInsert.wrappedValue
  }
}
