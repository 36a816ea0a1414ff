import Diagnostics
import FoundationEssentials
import Glibc
import Values

/// The kubeconfig that the server writes for its clients. Only its owner can read it.
struct KubeconfigFile: Sendable {
  let path: String
  let token: BearerToken

  /// The name of the cluster, the user and the context.
  static let name = "kdops-embedded"

  /// - Parameter authority: the certificate that clients must trust, in PEM.
  static func content(port: Int, host: String, authority: String, token: String) -> JSON {
    let host = host.contains(":") ? "[\(host)]" : host
    let server: JSON = [
      "server": .string("https://\(host):\(port)"),
      "certificate-authority-data": .string(Data(authority.utf8).base64EncodedString()),
    ]
    let cluster: JSON = ["name": .string(name), "cluster": server]
    let user: JSON = ["name": .string(name), "user": ["token": .string(token)]]
    let context: JSON = [
      "name": .string(name),
      "context": ["cluster": .string(name), "user": .string(name), "namespace": "default"],
    ]
    return [
      "apiVersion": "v1", "kind": "Config", "current-context": .string(name), "clusters": [cluster],
      "users": [user], "contexts": [context],
    ]
  }

  /// Writes the file, or replaces it as a whole.
  func write(host: String, port: Int, authority: String) throws(EmbeddedAPIError) {
    let content = Self.content(port: port, host: host, authority: authority, token: token.text.reveal())
    let text = Array(YAMLWriter(.manifest).document(content).utf8)
    let temporary = "\(path).new"
    unlink(temporary)
    let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw unwritable() }
    let isWritten = Self.write(text, to: file)
    close(file)
    guard isWritten, rename(temporary, path) == 0 else {
      let error = unwritable()
      unlink(temporary)
      throw error
    }
  }

  /// Removes the file when the server ends, because its token is no longer valid.
  func remove() { unlink(path) }

  private static func write(_ bytes: [UInt8], to file: Int32) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  private func unwritable() -> EmbeddedAPIError {
    EmbeddedAPIError(message: "\(path) cannot be written: \(String(cString: strerror(errno)))")
  }
}

/// Why the API cannot be served.
public struct EmbeddedAPIError: Error, Sendable, Hashable, CustomStringConvertible {
  /// One sentence for the user.
  public var message: String

  public init(message: String) { self.message = message }

  public var description: String { message }
}
