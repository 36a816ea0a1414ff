/// Who made a commit, as git writes it: `kdops <kdops@localhost>`.
public struct CommitAuthor: Sendable, Hashable {
  /// As people read it.
  public var name: String
  /// Without its brackets.
  public var email: String

  /// Where nobody says another.
  public static let standard = CommitAuthor(name: "kdops", email: "kdops@localhost")

  /// - Parameter email: without its brackets.
  public init(name: String, email: String) {
    self.name = name
    self.email = email
  }

  /// Nil for what is no name and address in angle brackets.
  public init?(_ text: String) {
    guard let open = text.firstIndex(of: "<"), text.last == ">" else { return nil }
    let name = text[..<open].split(separator: " ").joined(separator: " ")
    let email = text[text.index(after: open)...].dropLast()
    guard !name.isEmpty, email.contains("@"),
      !email.contains(where: { $0.isWhitespace || "<>".contains($0) }),
      !text.contains(where: \.isNewline), !name.contains(">")
    else { return nil }
    self.init(name: name, email: String(email))
  }
}
