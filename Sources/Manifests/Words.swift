import Diagnostics
import Values

extension String {
  /// `a string`, `an integer`, and `null` alone.
  var withArticle: String {
    switch self {
    case "null": self
    case let word where "aeiou".contains(word.first ?? " "): "an \(word)"
    default: "a \(self)"
    }
  }

  /// The text with its middle left out where it is longer than a message should be.
  func shortened(to limit: Int = 400) -> String {
    guard utf8.count > limit else { return self }
    let scalars = unicodeScalars
    guard scalars.count > limit else { return self }
    return String(scalars.prefix(limit * 3 / 4)) + "…" + String(scalars.suffix(limit / 4))
  }

  /// The text between quotes, fit for a sentence: cut where it is long, and without credentials.
  var quoted: String {
    let text = Redaction.url(self)
    return text.count > 60 ? "\"\(text.prefix(57))…\"" : "\"\(text)\""
  }
}

extension JSON {
  /// Whether quotes around what was written make it the string that was meant.
  var quotable: Bool {
    switch self {
    case .bool, .integer, .number: true
    default: false
    }
  }
}
