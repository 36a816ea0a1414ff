import Diagnostics
import Values

extension String {
  /// The type name with its article: `a string`, `an integer`; `null` has none.
  var withArticle: String {
    switch self {
    case "null": self
    case let word where "aeiou".contains(word.first ?? " "): "an \(word)"
    default: "a \(self)"
    }
  }

  /// The text with its middle left out if it is too long for a message.
  func shortened(to limit: Int = 400) -> String {
    guard utf8.count > limit else { return self }
    let scalars = unicodeScalars
    guard scalars.count > limit else { return self }
    return String(scalars.prefix(limit * 3 / 4)) + "…" + String(scalars.suffix(limit / 4))
  }

  /// The text in quotes, for use in a sentence: cut if it is long, and without credentials.
  var quoted: String { "\"\(Redaction.excerpt(self, limit: 60))\"" }
}

extension JSON {
  /// Whether quotes around the original text turn it into the intended string.
  var quotable: Bool {
    switch self {
    case .bool, .integer, .number: true
    default: false
    }
  }
}
