/// An author or committer: name, email and time.
public struct Signature: Sendable, Hashable {
  public var name: String
  public var email: String
  /// Seconds since 1970-01-01T00:00:00Z.
  public var seconds: Int64
  /// The UTC offset in minutes; positive east of UTC.
  public var offsetMinutes: Int

  public init(name: String, email: String, seconds: Int64, offsetMinutes: Int = 0) {
    self.name = name
    self.email = email
    self.seconds = seconds
    self.offsetMinutes = offsetMinutes
  }

  /// The supported range: the years 0 to 9999. A commit may claim any time; one outside the range is clamped,
  /// so that arithmetic on it does not overflow.
  static let secondsRange: ClosedRange<Int64> = -62_167_219_200...253_402_300_799
}

/// The metadata of a commit, without its files.
public struct CommitInfo: Sendable, Hashable {
  public let id: ObjectID
  public let tree: ObjectID
  /// The first parent is the branch that was merged into.
  public let parents: [ObjectID]
  public let author: Signature
  public let committer: Signature
  /// The first paragraph of the message, on one line.
  public let subject: String
  /// The first bytes of the message, up to `messageLimit`, with invalid UTF-8 replaced.
  public let message: String

  public init(
    id: ObjectID, tree: ObjectID, parents: [ObjectID], author: Signature, committer: Signature,
    message: String
  ) {
    self.id = id
    self.tree = tree
    self.parents = parents
    self.author = author
    self.committer = committer
    self.message = message
    subject = Self.subject(of: message)
  }

  /// In bytes. Many commits are held at once, and a repository writer chooses how long their messages are.
  static let messageLimit = 64 << 10
  /// The part of a message that is searched for its subject, in bytes.
  private static let subjectLimit = 4 << 10

  private static func subject(of message: String) -> String {
    let lines = String(decoding: message.utf8.prefix(subjectLimit), as: UTF8.self).split(
      separator: "\n", omittingEmptySubsequences: false
    ).drop {
      $0.allSatisfy(\.isWhitespace)
    }
    return lines.prefix { !$0.allSatisfy(\.isWhitespace) }.joined(separator: " ").singleLine
  }
}

extension String {
  /// Decodes a C string that may be nil or not UTF-8.
  init(lenient text: UnsafePointer<CChar>?) { self = text.map { String(cString: $0) } ?? "" }
}
