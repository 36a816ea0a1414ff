/// What people are told about the strings of a schema: the meaning of `format`, and of patterns in words.
public struct FormatTable: Sendable {
  /// Says what a string must be when it is not that: `a quantity such as 512Mi`; nil when all is well.
  public typealias Check = @Sendable (_ text: String) -> String?

  private var checks: [String: Check]
  private var patternWords: [String: String]

  public static let none = FormatTable([:])

  /// - Parameters:
  ///   - checks: By the name of the format; formats without a check are not checked.
  ///   - patternWords: By the pattern as the schema writes it, what it asks for: `an absolute path`. Patterns
  ///     without words are quoted as they are.
  public init(_ checks: [String: Check], patternWords: [String: String] = [:]) {
    self.checks = checks
    self.patternWords = patternWords
  }

  func check(format: String) -> Check? { checks[format] }
  func words(for pattern: String) -> String? { patternWords[pattern] }
}
