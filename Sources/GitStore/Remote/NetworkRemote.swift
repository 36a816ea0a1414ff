import CLibgit2
import Glibc

/// A ref to move on a remote.
struct PushedRef: Sendable, Hashable {
  let ref: String
  let old: ObjectID?
  let new: ObjectID
}

/// The result of a push.
struct PushAnswer: Sendable {
  /// The rejected refs, with the remote's reasons.
  var rejected: [String: String] = [:]
  /// The refs that another writer is moving at the same time.
  var late: Set<String> = []
  /// The output of the remote's hooks.
  var words: String?
}

/// A connection to a remote over https or ssh.
final class NetworkRemote {
  private let connection: Owned
  private let context: NetworkContext
  private let name: String
  private let handle: RepositoryHandle

  /// Connects and reads the list of the remote's refs.
  ///
  /// - Throws: `GitError`: `.unreachable`, `.timeout`, `.refused`, `.hostKey`, `.gone`.
  init(_ operation: NetworkOperation, in handle: RepositoryHandle, pushing: Bool) throws(GitError) {
    let remote = operation.remote
    if case .ssh = remote.url { try SocketLayout.check() }
    context = NetworkContext(operation)
    self.handle = handle
    name = "\(remote.url)"
    var options = git_remote_create_options()
    try check(git_remote_create_options_init(&options, UInt32(GIT_REMOTE_CREATE_OPTIONS_VERSION)), "prepare")
    options.repository = handle.pointer
    // A user's URL rewrites in git's configuration must not lead to another host than the checked one.
    options.flags =
      GIT_REMOTE_CREATE_SKIP_INSTEADOF.rawValue | GIT_REMOTE_CREATE_SKIP_DEFAULT_FETCHSPEC.rawValue
    connection = try Owned("talk to \(remote.url)", release: Self.end) {
      git_remote_create_with_opts(&$0, remote.url.text, &options)
    }
    var connect = git_remote_connect_options()
    try check(
      git_remote_connect_options_init(&connect, UInt32(GIT_REMOTE_CONNECT_OPTIONS_VERSION)), "prepare")
    connect.callbacks = try context.callbacks()
    connect.follow_redirects = GIT_REMOTE_REDIRECT_INITIAL
    let code = git_remote_connect_ext(
      connection.pointer, pushing ? GIT_DIRECTION_PUSH : GIT_DIRECTION_FETCH, &connect)
    try context.check(code, "reach \(remote.url)")
  }

  private static func end(_ remote: OpaquePointer?) {
    git_remote_disconnect(remote)
    git_remote_free(remote)
  }

  /// The refs of the remote, without peeled tags.
  func advertised() throws(GitError) -> [String: ObjectID] {
    var heads: UnsafeMutablePointer<UnsafePointer<git_remote_head>?>?
    var count = 0
    try context.check(git_remote_ls(&heads, &count, connection.pointer), "list the refs of \(name)")
    var refs: [String: ObjectID] = [:]
    for index in 0..<count {
      guard let head = heads?[index] else { continue }
      let ref = String(lenient: head.pointee.name)
      if !ref.hasSuffix("^{}") { refs[ref] = ObjectID(head.pointee.oid) }
    }
    return refs
  }

  /// Fetches the targets of refs as one pack; moves no local ref.
  func download(_ refs: [String]) throws(GitError) {
    var options = git_fetch_options()
    try check(git_fetch_options_init(&options, UInt32(GIT_FETCH_OPTIONS_VERSION)), "prepare")
    options.callbacks = try context.callbacks()
    options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE
    options.update_fetchhead = 0
    options.follow_redirects = GIT_REMOTE_REDIRECT_INITIAL
    let receiver = try handle.packReceiver()
    let code = AllocationLimit.run(AllocationLimit.transfer) {
      withStrings(refs.map { "+\($0):\(Mirror.trackingRef($0))" }) {
        git_remote_download(connection.pointer, &$0, &options)
      }
    }
    if code < 0, let failure = receiver.takeFailure(), failure.kind != .cancelled {
      throw GitError(failure.kind, "cannot fetch from \(name): \(failure.message)", hint: failure.hint)
    }
    try context.check(code, "fetch from \(name)")
  }

  /// Sends commits and requests that the remote moves refs, never by force.
  ///
  /// - Throws: `GitError` of kind `.conflict` if libgit2 itself detects that another writer was faster.
  func upload(_ refs: [PushedRef]) throws(GitError) -> PushAnswer {
    var options = git_push_options()
    try check(git_push_options_init(&options, UInt32(GIT_PUSH_OPTIONS_VERSION)), "prepare")
    options.callbacks = try context.callbacks()
    options.pb_parallelism = 1
    options.follow_redirects = GIT_REMOTE_REDIRECT_INITIAL
    // libgit2 1.5.1 takes only ref names as a source, not object ids.
    for ref in refs { try name(ref, ref.new) }
    let code = withStrings(refs.map { "\(Self.outgoing + $0.ref):\($0.ref)" }) {
      git_remote_upload(connection.pointer, &$0, &options)
    }
    let reason =
      code < 0 ? git_error_last().map { (String(lenient: $0.pointee.message), $0.pointee.klass) } : nil
    for ref in refs { try name(ref, nil) }
    if let reason { git_error_set_str(reason.1, reason.0) }
    if code == GIT_ENONFASTFORWARD.rawValue {
      git_error_clear()
      throw GitError(.conflict, "\(name) has moved on", hint: "fetch, merge and push again")
    }
    try context.check(code, "push to \(name)")
    return PushAnswer(rejected: context.rejected, words: context.remoteWords)
  }
}

extension NetworkRemote {
  /// The prefix of the refs for commits that are being pushed.
  static let outgoing = "refs/kdops/push/"

  private func name(_ ref: PushedRef, _ commit: ObjectID?) throws(GitError) {
    let outgoing = Self.outgoing + ref.ref
    try handle.move(outgoing, to: commit, from: try handle.target(of: outgoing), reason: "push")
  }
}

/// Passes a list of strings to libgit2 for the duration of a call.
private func withStrings<Result>(_ texts: [String], _ body: (inout git_strarray) -> Result) -> Result {
  var pointers: [UnsafeMutablePointer<CChar>?] = texts.map { strdup($0) }
  defer { for pointer in pointers { free(pointer) } }
  return pointers.withUnsafeMutableBufferPointer { buffer in
    var array = git_strarray(strings: buffer.baseAddress, count: buffer.count)
    return body(&array)
  }
}
