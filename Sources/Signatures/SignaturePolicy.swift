import GitStore

/// Whose signatures a daemon wants to see on commits. Its administrator says so; nothing in a repository does.
public struct SignaturePolicy: Sendable, Hashable {
  public enum Mode: String, Sendable, Hashable, CaseIterable {
    /// Nobody's.
    case none
    /// A signed commit answers for all that lies before it.
    case head
    /// Each commit that comes has one of its own, those that a merge brings as well.
    case range
  }

  public var mode: Mode
  /// A file as `ssh-keygen -Y verify` reads it; nil where no SSH signature is taken.
  public var allowedSigners: String?
  /// A file of OpenPGP public keys, in armour or not; nil where no OpenPGP signature is taken.
  public var keyring: String?

  public init(mode: Mode = .none, allowedSigners: String? = nil, keyring: String? = nil) {
    self.mode = mode
    self.allowedSigners = allowedSigners
    self.keyring = keyring
  }

  /// Where the keys of those who may sign are, for people.
  public var files: String { [allowedSigners, keyring].compactMap(\.self).joined(separator: " or ") }
}

/// What was found of one commit's signature.
public enum SignatureVerdict: Sendable, Hashable {
  /// Made by one of those who may, with a key that holds today; their name.
  case good(String)
  /// Missing or wrong; the rest of a sentence that begins with the commit: `is not signed`.
  case refused(String)
  /// Could not be looked at, such as where a file of keys is gone.
  case unknown(String)

  public var isGood: Bool { if case .good = self { true } else { false } }
}

/// Looks at signatures.
public protocol SignatureChecker: Sendable {
  /// - Parameter signature: nil for a commit without one.
  func check(_ signature: CommitSignature?) async -> SignatureVerdict
}
