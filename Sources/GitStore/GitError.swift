import CLibgit2
import Diagnostics

/// An error from git, with a message for people and a kind for programs.
public struct GitError: Error, Sendable, Hashable {
  /// The category by which callers decide how to proceed.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// The repository, object or revision does not exist.
    case gone
    /// The network or the host prevented access to the repository.
    case unreachable
    /// A time limit passed: no data was transferred for too long, or the whole operation took too long.
    case timeout
    /// The remote denied access, or could not authenticate the daemon.
    case refused
    /// The host's identity (SSH key or TLS certificate) could not be verified.
    case hostKey
    /// The local object store is damaged.
    case corrupt
    /// The data from the remote is damaged.
    case corruptRemote
    /// An object violates git's format.
    case malformed
    /// An object, or a whole tree, is larger than the read limit.
    case tooLarge
    /// The process has too little memory.
    case outOfMemory
    /// The remote has no such branch.
    case missingBranch
    /// The history is truncated: a shallow clone.
    case shallow
    /// Another writer was faster, or the index has unmerged paths.
    case conflict
    /// The remote refused a push by its own rules (a hook, a protected branch).
    case rejectedPush
    /// Another cluster wrote the ref's content, and it must not be overwritten.
    case otherWriter
    /// The caller cancelled the operation.
    case cancelled
    /// A configuration or argument is invalid.
    case invalid
    case other
  }

  public var kind: Kind
  /// One sentence without a full stop; credentials are redacted.
  public var message: String
  /// What to do next; nil if there is no useful advice.
  public var hint: String?
  /// The affected file or folder of a tree, from the repository's root; nil if unknown.
  public private(set) var path: String?
  /// True if the operation has used up its limit, so that it cannot read any further object.
  public private(set) var isExhausted = false

  public init(_ kind: Kind, _ message: String, hint: String? = nil) {
    self.kind = kind
    self.message = Redaction.url(message)
    self.hint = hint
  }

  /// A copy with `isExhausted` set.
  var exhausted: GitError {
    var error = self
    error.isExhausted = true
    return error
  }

  /// True if the cause is the content or size of one object; other objects may be readable.
  var isOfOneObject: Bool { (kind == .malformed || kind == .tooLarge) && !isExhausted }

  /// A copy with the path in a tree, unless the error already has a path. So the path closest to the failure is kept.
  public func at(_ path: @autoclosure () -> String) -> GitError {
    guard self.path == nil else { return self }
    var error = self
    error.path = path()
    return error
  }

  /// True if existing content cannot be read as it is; the connection to it works.
  public var isOfContent: Bool {
    switch kind {
    case .gone, .corrupt, .corruptRemote, .malformed, .tooLarge: true
    default: false
    }
  }

  /// True if a later retry may succeed without intervention.
  public var isTransient: Bool {
    switch kind {
    case .unreachable, .timeout, .conflict, .outOfMemory: true
    default: false
    }
  }
}

extension GitError: CustomStringConvertible {
  public var description: String { hint.map { "\(message); \($0)" } ?? message }
}

extension GitError {
  /// The last libgit2 error on this thread.
  ///
  /// - Parameters:
  ///   - code: the return code of the call, below 0.
  ///   - doing: the attempted operation, as it follows "cannot": `open /srv/repo.git`.
  static func last(_ code: Int32, _ doing: String) -> GitError {
    let detail = git_error_last()
    let section = detail.map { $0.pointee.klass } ?? 0
    let kind = Kind(code: code, section: section)
    let text =
      kind == .tooLarge
      ? "an object, or the base of its delta, is too large to be unpacked"
      : detail.flatMap { $0.pointee.message }.map { String(cString: $0) } ?? "error \(code)"
    git_error_clear()
    return GitError(kind, "cannot \(doing): \(text.singleLine)", hint: kind.hint)
  }
}

extension GitError {
  /// The advice to store large files whole, so that no object is a delta against one of them.
  public static let repackingHint =
    "run `git -c core.bigFileThreshold=16m repack -a -d -f` in the repository that it comes from"
}

extension GitError.Kind {
  fileprivate init(code: Int32, section: Int32) {
    let section = git_error_t(rawValue: UInt32(bitPattern: section))
    switch git_error_code(rawValue: code) {
    // libgit2 1.5.1 reports this for a repository of another user if a configuration names no safe.directory.
    case GIT_ENOTFOUND where section == GIT_ERROR_CONFIG: self = .refused
    case GIT_ENOTFOUND, GIT_EUNBORNBRANCH: self = .gone
    case GIT_EAUTH, GIT_EOWNER: self = .refused
    case GIT_ECERTIFICATE: self = .hostKey
    case GIT_ENONFASTFORWARD, GIT_EMODIFIED, GIT_ELOCKED, GIT_EEXISTS, GIT_EUNMERGED: self = .conflict
    case GIT_EMISMATCH: self = .corrupt
    case GIT_EINVALIDSPEC, GIT_EAMBIGUOUS: self = .invalid
    default:
      switch section {
      case GIT_ERROR_NOMEMORY: self = AllocationLimit.takeRefusal() ? .tooLarge : .outOfMemory
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
    case .tooLarge: GitError.repackingHint
    case .outOfMemory: "free memory on this machine, or allow this process more"
    default: nil
    }
  }
}

extension String {
  /// The text on one line, with control characters replaced, cut to 500 characters.
  var singleLine: String {
    let cleaned = String.UnicodeScalarView(
      unicodeScalars.prefix(500).map { $0.value < 0x20 || (0x7f...0x9f).contains($0.value) ? " " : $0 })
    return String(cleaned).split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
  }
}

/// Throws the libgit2 error if a call failed.
@inline(__always)
func check(_ code: Int32, _ doing: @autoclosure () -> String) throws(GitError) {
  if code < 0 { throw GitError.last(code, doing()) }
}
