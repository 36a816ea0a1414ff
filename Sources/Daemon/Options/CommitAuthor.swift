/// The author of a commit, as git writes it: `kdops <kdops@localhost>`.
public struct CommitAuthor: Sendable, Hashable {
  /// The display name.
  public var name: String
  /// The address without angle brackets.
  public var email: String

  /// The default author.
  public static let standard = CommitAuthor(name: "kdops", email: "kdops@localhost")

  /// - Parameter email: the address without angle brackets.
  public init(name: String, email: String) {
    self.name = name
    self.email = email
  }

  /// Nil unless the text is a name and an address in angle brackets.
  public init?(_ text: String) {
    guard let open = text.firstIndex(of: "<"), text.last == ">" else { return nil }
    let name = text[..<open].split(separator: " ").joined(separator: " ")
    let email = text[text.index(after: open)...].dropLast()
    guard !name.isEmpty, email.contains("@" as Character),
      !email.contains(where: { $0.isWhitespace || "<>".contains($0) }),
      !text.contains(where: \.isNewline), !name.contains(">")
    else { return nil }
    self.init(name: name, email: String(email))
  }
}
