import CLibgit2
import Diagnostics

/// What went wrong between us and a repository, in words for people and a kind for programs.
public struct GitError: Error, Sendable, Hashable {
  /// What a program needs to know to decide what happens next.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// There is no repository, or no such object or revision.
    case gone
    /// The network or the host did not let us through to the repository.
    case unreachable
    /// Nothing moved for longer than allowed.
    case timeout
    /// The other side knows who we are and says no, or does not know who we are.
    case refused
    /// The host could not prove that it is the one we know (SSH key or TLS certificate).
    case hostKey
    /// The local object store is damaged.
    case corrupt
    /// What the remote sends is damaged.
    case corruptRemote
    /// An object is not what git's format allows.
    case malformed
    /// An object, or a tree as a whole, is larger than what is read.
    case tooLarge
    /// The remote has no such branch.
    case missingBranch
    /// The history ends early: a shallow clone.
    case shallow
    /// Somebody else was faster, or the index holds unmerged paths.
    case conflict
    /// The remote refused a push by its own rules (a hook, a protected branch).
    case rejectedPush
    /// What the ref holds was written by another cluster, and is not to be overwritten.
    case otherWriter
    /// The caller gave up waiting.
    case cancelled
    /// A configuration or an argument that cannot be used.
    case invalid
    case other
  }

  public var kind: Kind
  /// One sentence, credentials cut out, no full stop.
  public var message: String
  /// What to do next; nil where nothing sensible can be said.
  public var hint: String?
  /// The file or folder of a tree that is concerned, from the repository's root; nil where that is unknown.
  public private(set) var path: String?

  public init(_ kind: Kind, _ message: String, hint: String? = nil) {
    self.kind = kind
    self.message = Redaction.url(message)
    self.hint = hint
  }

  /// The same error with the place in a tree where it was met first.
  public func at(_ path: @autoclosure () -> String) -> GitError {
    guard self.path == nil else { return self }
    var error = self
    error.path = path()
    return error
  }

  /// True where something that is there cannot be read as it is: nothing is wrong with the way to it.
  public var isOfContent: Bool {
    switch kind {
    case .gone, .corrupt, .corruptRemote, .malformed, .tooLarge: true
    default: false
    }
  }

  /// True where trying again later may succeed without anybody's help.
  public var isTransient: Bool {
    switch kind {
    case .unreachable, .timeout, .conflict: true
    default: false
    }
  }
}

extension GitError: CustomStringConvertible {
  public var description: String { hint.map { "\(message); \($0)" } ?? message }
}

extension GitError {
  /// The error that libgit2 left behind on this thread.
  ///
  /// - Parameters:
  ///   - code: what the call returned, below 0.
  ///   - doing: what we were at, as it follows "cannot": `open /srv/repo.git`.
  static func last(_ code: Int32, _ doing: String) -> GitError {
    let detail = git_error_last()
    let text = detail.flatMap { $0.pointee.message }.map { String(cString: $0) } ?? "error \(code)"
    let section = detail.map { $0.pointee.klass } ?? 0
    git_error_clear()
    let kind = Kind(code: code, section: section)
    return GitError(kind, "cannot \(doing): \(text.singleLine)", hint: kind.hint)
  }
}

extension GitError.Kind {
  fileprivate init(code: Int32, section: Int32) {
    let section = git_error_t(rawValue: UInt32(bitPattern: section))
    switch git_error_code(rawValue: code) {
    // libgit2 1.5.1 says so of a repository of another user where a configuration names no safe.directory.
    case GIT_ENOTFOUND where section == GIT_ERROR_CONFIG: self = .refused
    case GIT_ENOTFOUND, GIT_EUNBORNBRANCH: self = .gone
    case GIT_EAUTH, GIT_EOWNER: self = .refused
    case GIT_ECERTIFICATE: self = .hostKey
    case GIT_ENONFASTFORWARD, GIT_EMODIFIED, GIT_ELOCKED, GIT_EEXISTS, GIT_EUNMERGED: self = .conflict
    case GIT_EMISMATCH: self = .corrupt
    case GIT_EINVALIDSPEC, GIT_EAMBIGUOUS: self = .invalid
    default:
      switch section {
      case GIT_ERROR_ZLIB, GIT_ERROR_ODB, GIT_ERROR_OBJECT, GIT_ERROR_INDEXER, GIT_ERROR_REFERENCE:
        self = .corrupt
      case GIT_ERROR_TREE: self = .malformed
      default: self = .other
      }
    }
  }

  fileprivate var hint: String? {
    switch self {
    case .corrupt: "run `git fsck` there to see what is damaged"
    default: nil
    }
  }
}

extension String {
  /// The same text on one line, control characters replaced and nothing longer than 500 characters.
  var singleLine: String {
    let cleaned = String.UnicodeScalarView(
      unicodeScalars.prefix(500).map { $0.value < 0x20 || (0x7f...0x9f).contains($0.value) ? " " : $0 })
    return String(cleaned).split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
  }
}

/// Throws what libgit2 has to say when a call failed.
@inline(__always)
func check(_ code: Int32, _ doing: @autoclosure () -> String) throws(GitError) {
  if code < 0 { throw GitError.last(code, doing()) }
}
