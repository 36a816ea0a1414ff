extension JSON {
  /// The value after applying a merge patch (RFC 7386): members are replaced, objects are merged, and `null` removes a
  /// member.
  public func merging(patch: JSON) -> JSON {
    guard case .object(let changes) = patch else { return patch }
    var members = object ?? [:]
    for (key, change) in changes {
      if change.isNull {
        members.removeValue(forKey: key)
      } else {
        // Merged even if there is no old value, because nulls inside the patch must not become values.
        members[key] = (members[key] ?? .null).merging(patch: change)
      }
    }
    return .object(members)
  }

  /// The smallest merge patch that turns one value into another; `{}` if two objects are equal in meaning.
  ///
  /// A merge patch cannot express `null`, only "absent": a `null` that only the target has is left out, and one that
  /// replaces a value removes it. Arrays are replaced as a whole.
  public static func mergePatch(from old: JSON, to new: JSON) -> JSON {
    guard case .object(let before) = old, case .object(let after) = new else { return new }
    var patch = Members()
    for key in before.keys where after[key] == nil { patch[key] = .null }
    for (key, value) in after {
      guard let earlier = before[key] else {
        if !value.isNull { patch[key] = value }
        continue
      }
      guard earlier != value else { continue }
      patch[key] = mergePatch(from: earlier, to: value)
    }
    return .object(patch)
  }
}
