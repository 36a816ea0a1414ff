/// The message of the condition `Progressing`: the current change, and the reasons why it waits.
public struct ProgressMessage: Sendable, Hashable {
  /// For example `from spark-1.0.0 to spark-1.1.0`.
  public var change: String
  public var waits: [Wait]

  /// One reason why an upgrade waits.
  public struct Wait: Sendable, Hashable {
    /// The role that waits; nil if all of the cluster does.
    public var role: String?
    /// The condition that it waits for, for users. After a role it begins with `for` or `until`.
    public var what: String

    public init(role: String? = nil, _ what: String) { (self.role, self.what) = (role, what) }

    /// The wait as one sentence: `worker waits for analytics-worker-2`.
    public var text: String { role.map { "\($0)\(Self.verb)\(what)" } ?? what }

    private static let verb = " waits "

    init(text: Substring) {
      guard let verb = text.firstRange(of: Self.verb), !text[..<verb.lowerBound].contains(" ") else {
        self.init(String(text))
        return
      }
      self.init(role: String(text[..<verb.lowerBound]), String(text[verb.upperBound...]))
    }
  }

  public init(change: String, waits: [Wait] = []) { (self.change, self.waits) = (change, waits) }

  private static let separator = "; "

  public var text: String { ([change] + waits.map(\.text)).joined(separator: Self.separator) }

  /// Reads the message of a condition.
  public init(_ text: String) {
    let parts = text.split(separator: Self.separator)
    self.init(change: parts.first.map(String.init) ?? "", waits: parts.dropFirst().map(Wait.init))
  }
}
