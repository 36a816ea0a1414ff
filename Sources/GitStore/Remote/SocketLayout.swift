import CLibgit2
import Glibc

/// Checks that libgit2's SSH transport finds the socket in `kdops_socket_stream`.
///
/// The transport reads the descriptor from its stream as if that were libgit2's own type, which no header declares. The
/// check connects once over one end of a pair of sockets and no network: the greeting of SSH must arrive at the other end.
enum SocketLayout {
  /// A check in progress, for the stream that it makes libgit2 request.
  struct Probe: Sendable {
    let descriptor: Int32
    /// The member that gets a duplicate of the descriptor.
    let member: any WritableKeyPath<kdops_socket_stream, Int32> & Sendable
  }

  @TaskLocal static var probe: Probe?

  /// - Throws: `GitError` of kind `.invalid` if this libgit2 cannot be used for SSH; the same on every later call.
  static func check() throws(GitError) { try checked.get() }

  private static let checked: Result<Void, GitError> = {
    if greetingArrives(descriptorIn: \.descriptor) { return .success(()) }
    return .failure(
      GitError(
        .invalid,
        "libgit2 \(GitLibrary.version) cannot be used for ssh here: it does not use the given socket",
        hint: "use an https address, or a libgit2 from 1.5 to 1.9 that is built with libssh2"))
  }()

  /// Makes libgit2 open an SSH connection over a pair of sockets. It fails after its greeting, because the other end is
  /// closed for answers.
  static func greetingArrives(
    descriptorIn member: any WritableKeyPath<kdops_socket_stream, Int32> & Sendable
  ) -> Bool {
    var ends: [Int32] = [-1, -1]
    let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, type, 0, &ends) == 0 else { return false }
    defer { for end in ends { close(end) } }
    shutdown(ends[1], Int32(SHUT_WR))
    var remote: OpaquePointer?
    guard git_remote_create_detached(&remote, "ssh://kdops@layout.invalid/") == 0 else { return false }
    defer { git_remote_free(remote) }
    $probe.withValue(Probe(descriptor: ends[0], member: member)) {
      _ = git_remote_connect(remote, GIT_DIRECTION_FETCH, nil, nil, nil)
    }
    git_error_clear()
    let greeting = Array("SSH-2.0-".utf8)
    var bytes = [UInt8](repeating: 0, count: greeting.count)
    let count = recv(ends[1], &bytes, bytes.count, Int32(MSG_DONTWAIT))
    return count == greeting.count && bytes == greeting
  }
}
