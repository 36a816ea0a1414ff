/// The checks for `format` in a schema, and descriptions of patterns for messages.
public struct FormatTable: Sendable {
  /// Returns a description of a valid string, such as `a quantity such as 512Mi`, if the text is not one; nil if it is
  /// valid.
  public typealias Check = @Sendable (_ text: String) -> String?

  private var checks: [String: Check]
  private var patternWords: [String: String]

  public static let none = FormatTable([:])

  /// - Parameters:
  ///   - checks: The check of each format, by name; formats without a check are not checked.
  ///   - patternWords: A description such as `an absolute path`, by the pattern as the schema writes it. Patterns
  ///     without a description are quoted.
  public init(_ checks: [String: Check], patternWords: [String: String] = [:]) {
    self.checks = checks
    self.patternWords = patternWords
  }

  func check(format: String) -> Check? { checks[format] }
  func words(for pattern: String) -> String? { patternWords[pattern] }
}
