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
