import GitStore

/// The signatures that a daemon requires on commits. The administrator sets this policy; a repository cannot change
/// it.
public struct SignaturePolicy: Sendable, Hashable {
  public enum Mode: String, Sendable, Hashable, CaseIterable {
    /// No signature is required.
    case none
    /// A signed commit also covers all commits before it.
    case head
    /// Each new commit needs a signature of its own, including the commits that a merge brings in.
    case range
  }

  public var mode: Mode
  /// An allowed signers file for `ssh-keygen -Y verify`; nil if SSH signatures are not accepted.
  public var allowedSigners: String?
  /// A file of OpenPGP public keys, armored or binary; nil if OpenPGP signatures are not accepted.
  public var keyring: String?

  public init(mode: Mode = .none, allowedSigners: String? = nil, keyring: String? = nil) {
    self.mode = mode
    self.allowedSigners = allowedSigners
    self.keyring = keyring
  }

  /// The paths of the files with the allowed signers' keys, for people.
  public var files: String { [allowedSigners, keyring].compactMap(\.self).joined(separator: " or ") }
}

/// The result of checking one commit's signature.
public enum SignatureVerdict: Sendable, Hashable {
  /// Made by an allowed signer with a key that is valid today; has the signer's name.
  case good(String)
  /// Missing or invalid; has the rest of a sentence that begins with the commit: `is not signed`.
  case refused(String)
  /// The check was not possible, for example because a key file is missing.
  case unknown(String)

  public var isGood: Bool { if case .good = self { true } else { false } }
}

/// Checks signatures.
public protocol SignatureChecker: Sendable {
  /// - Parameter signature: nil for a commit without a signature.
  func check(_ signature: CommitSignature?) async -> SignatureVerdict
}
