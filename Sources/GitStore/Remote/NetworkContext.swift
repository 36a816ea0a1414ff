import CLibgit2
import Diagnostics
import Glibc

/// The state of libgit2's callbacks for one connection. Lives as long as the connection, on its thread.
final class NetworkContext {
  let operation: NetworkOperation
  private var remote: Remote { operation.remote }
  /// The first error that a callback found.
  private var failure: GitError?
  /// Whether credentials were already sent; a second request for them means that they were rejected.
  private var offered = false
  /// The last part of the remote's messages to the user.
  private var spoken: [UInt8] = []
  /// The refs that the remote rejected, with its reasons.
  private(set) var rejected: [String: String] = [:]

  init(_ operation: NetworkOperation) { self.operation = operation }

  /// The remote's last message, on one line; nil if it sent none.
  var remoteWords: String? {
    let text = String(decoding: spoken.suffix(1000), as: UTF8.self).singleLine
    return text.isEmpty ? nil : Redaction.url(text)
  }

  /// The libgit2 callbacks that forward to this object.
  func callbacks() throws(GitError) -> git_remote_callbacks {
    var callbacks = git_remote_callbacks()
    try check(
      git_remote_init_callbacks(&callbacks, UInt32(GIT_REMOTE_CALLBACKS_VERSION)), "prepare a connection")
    callbacks.payload = Unmanaged.passUnretained(self).toOpaque()
    callbacks.sideband_progress = { text, count, payload in
      NetworkContext.from(payload).map { $0.received(text, count) } ?? -1
    }
    callbacks.credentials = { out, _, user, allowed, payload in
      guard let out, let context = NetworkContext.from(payload) else { return -1 }
      return context.identify(out, user.map { String(cString: $0) }, allowed)
    }
    callbacks.certificate_check = { certificate, valid, _, payload in
      guard let certificate, let context = NetworkContext.from(payload) else { return -1 }
      return context.judge(certificate, valid: valid != 0)
    }
    callbacks.transfer_progress = { _, payload in NetworkContext.from(payload).map { $0.moved() } ?? -1 }
    callbacks.push_transfer_progress = { _, _, _, payload in
      NetworkContext.from(payload).map { $0.moved() } ?? -1
    }
    callbacks.pack_progress = { _, _, _, payload in NetworkContext.from(payload).map { $0.moved() } ?? -1 }
    callbacks.push_update_reference = { ref, status, payload in
      if let status { NetworkContext.from(payload)?.rejected[String(lenient: ref)] = String(cString: status) }
      return 0
    }
    return callbacks
  }

  private static func from(_ payload: UnsafeMutableRawPointer?) -> NetworkContext? {
    payload.map { Unmanaged<NetworkContext>.fromOpaque($0).takeUnretainedValue() }
  }

  private func moved() -> Int32 {
    operation.moved()
    return operation.stopped == nil ? 0 : GIT_EUSER.rawValue
  }

  private func received(_ text: UnsafePointer<CChar>?, _ count: Int32) -> Int32 {
    if let text, count > 0 {
      spoken += UnsafeRawBufferPointer(start: text, count: Int(count))
      if spoken.count > 8000 { spoken.removeFirst(spoken.count - 4000) }
    }
    return moved()
  }

  /// Records an error and ends the call.
  private func fail(_ error: GitError) -> Int32 {
    if failure == nil { failure = error }
    git_error_set_str(Int32(GIT_ERROR_CALLBACK.rawValue), error.message)
    return GIT_EUSER.rawValue
  }

  // MARK: Authentication

  private func identify(
    _ out: UnsafeMutablePointer<UnsafeMutablePointer<git_credential>?>, _ urlUser: String?, _ allowed: UInt32
  ) -> Int32 {
    func allows(_ type: git_credential_t) -> Bool { allowed & type.rawValue != 0 }
    var user = urlUser ?? "git"
    if case .web(_, let name, _, _, _) = remote.url { user = name ?? urlUser ?? "x-access-token" }
    // SSH first requests only the user name, if the address has none.
    if allows(GIT_CREDENTIAL_USERNAME) { return git_credential_username_new(out, user) }
    if offered { return fail(refused("it rejected the credentials")) }
    offered = true
    do throws(GitError) {
      switch remote.credentials {
      case .token(let source) where allows(GIT_CREDENTIAL_USERPASS_PLAINTEXT):
        return git_credential_userpass_plaintext_new(
          out, user, try source.read(for: "the token for \(remote.url)"))
      case .basic(let name, let source) where allows(GIT_CREDENTIAL_USERPASS_PLAINTEXT):
        return git_credential_userpass_plaintext_new(
          out, name, try source.read(for: "the password for \(remote.url)"))
      case .sshKey(let file, let source) where allows(GIT_CREDENTIAL_SSH_KEY):
        guard access(file, R_OK) == 0 else {
          throw GitError(
            .refused, "the key file \(file) cannot be read", hint: "check the path and who may read it")
        }
        var passphrase: String?
        if let source { passphrase = try source.read(for: "the passphrase of \(file)") }
        return git_credential_ssh_key_new(out, user, nil, file, passphrase)
      case .sshAgent where allows(GIT_CREDENTIAL_SSH_KEY):
        return git_credential_ssh_key_from_agent(out, user)
      default:
        throw refused("it requires credentials")
      }
    } catch {
      return fail(error)
    }
  }

  private func refused(_ why: String) -> GitError {
    let hint =
      switch remote.credentials {
      case .none: "configure a token, a user with password, or an ssh key"
      case .token: "check that the token is valid and may read and write this repository"
      case .basic: "check the user and the password, and what they may do"
      case .sshKey: "check that the key may be used there; RSA keys are refused by many servers, use ed25519"
      case .sshAgent: "check with `ssh-add -l` that the agent holds a key which may be used there"
      }
    return GitError(.refused, "authentication failed for \(remote.url): \(why)", hint: hint)
  }

  // MARK: Host verification

  private func judge(_ certificate: UnsafeMutablePointer<git_cert>, valid: Bool) -> Int32 {
    if certificate.pointee.cert_type == GIT_CERT_X509 {
      return valid
        ? 0
        : fail(
          GitError(
            .hostKey, "the TLS certificate of \(remote.url) cannot be trusted",
            hint:
              "it has expired, is for another host, or its authority is unknown here; "
              + "add the authority to the system's certificates, or set SSL_CERT_FILE"
          ))
    }
    guard case .ssh(_, let host, let port, _) = remote.url,
      certificate.pointee.cert_type == GIT_CERT_HOSTKEY_LIBSSH2,
      let key = UnsafeMutableRawPointer(certificate).assumingMemoryBound(to: git_cert_hostkey.self).pointee
        .rawKey
    else { return fail(GitError(.hostKey, "\(remote.url) shows no key that could be checked")) }
    let shown = port == 22 ? host : "-p \(port) \(host)"
    let scan = "compare the key with its administrator's, then `ssh-keyscan \(shown) >> \(remote.knownHosts)`"
    guard let text = FileText.read(remote.knownHosts) else {
      return fail(
        GitError(
          .hostKey, "the known_hosts file \(remote.knownHosts) cannot be read, so \(host) is not trusted",
          hint: scan))
    }
    switch KnownHosts(text).judge(host: host, port: port, key: key) {
    case .known: return 0
    case .unknownHost:
      return fail(GitError(.hostKey, "the host \(host) is not in \(remote.knownHosts)", hint: scan))
    case .otherType(let known):
      return fail(
        GitError(
          .hostKey,
          "the host \(host) shows a \(KnownHosts.type(of: key)) key, and \(remote.knownHosts) has only \(known.joined(separator: ", "))",
          hint: scan))
    case .changed:
      return fail(
        GitError(
          .hostKey, "the host \(host) shows another key than the one in \(remote.knownHosts)",
          hint: "the connection may be intercepted; ask its administrator, then remove the old line"))
    case .revoked:
      return fail(GitError(.hostKey, "the key that \(host) shows is revoked in \(remote.knownHosts)"))
    case .weak(let kind):
      return fail(
        GitError(
          .hostKey, "the host \(host) shows \(kind), which can be forged",
          hint:
            "have the host use an ed25519 key, or an RSA key of \(KnownHosts.rsaLimit) bits at least, and put that "
            + "into \(remote.knownHosts)"))
    }
  }

  // MARK: Errors

  /// Throws the actual reason if a call on the connection failed.
  func check(_ code: Int32, _ doing: String) throws(GitError) {
    guard code < 0 else { return }
    throw explain(code, doing)
  }

  private func explain(_ code: Int32, _ doing: String) -> GitError {
    let section = git_error_last().map { $0.pointee.klass } ?? 0
    let status = Self.httpStatus(git_error_last().map { String(lenient: $0.pointee.message) } ?? "")
    let last = GitError.last(code, doing)
    if let failure { return failure }
    if let stop = operation.error(doing) { return stop }
    let words = remoteWords.map { "\(last.message) (it says: \($0))" } ?? last.message
    func error(_ kind: GitError.Kind, _ hint: String) -> GitError { GitError(kind, words, hint: hint) }
    if code == GIT_EAUTH.rawValue { return refused("it rejected the credentials") }
    switch status {
    case 401, 403: return refused("it answered HTTP \(status ?? 0)")
    case 404, 410: return error(.gone, "check the address; some servers answer 404 if access is denied")
    case .some(500...): return error(.unreachable, "the server failed; it is retried automatically")
    default: break
    }
    switch git_error_t(rawValue: UInt32(bitPattern: section)) {
    case GIT_ERROR_SSH where code == GIT_EEOF.rawValue:
      return error(.gone, "check the repository's path and the permissions of the key")
    case GIT_ERROR_NET, GIT_ERROR_OS, GIT_ERROR_SSL, GIT_ERROR_SSH, GIT_ERROR_HTTP:
      return error(.unreachable, "check the address and the network")
    case GIT_ERROR_ZLIB, GIT_ERROR_INDEXER, GIT_ERROR_ODB, GIT_ERROR_OBJECT:
      return error(.corruptRemote, "run `git fsck` on the remote repository")
    default: return last
    }
  }

  /// libgit2 has no error code for an HTTP status, only this message.
  private static func httpStatus(_ message: String) -> Int? {
    let mark = "unexpected http status code: "
    guard message.hasPrefix(mark) else { return nil }
    return Int(message.dropFirst(mark.count).prefix { $0.isNumber })
  }
}

extension git_cert_hostkey {
  /// The host's key in the SSH wire format; nil if libssh2 did not provide it.
  fileprivate var rawKey: [UInt8]? {
    guard type.rawValue & GIT_CERT_SSH_RAW.rawValue != 0, let hostkey else { return nil }
    return Array(UnsafeRawBufferPointer(start: hostkey, count: hostkey_len))
  }
}
