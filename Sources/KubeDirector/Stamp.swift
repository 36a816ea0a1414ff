import Crypto
import Values

/// Authenticates objects. The reconciler stamps an object when it applies a file, and the engine ignores a spec
/// without a valid stamp, so that a manual edit has no effect.
///
/// A stamp is a message authentication code with a key that only the installation's daemons can read. A user who may
/// edit objects, including their annotations, cannot create one; a copy of an older stamp is valid only for the same
/// object in the same state.
public struct Stamp: Sendable {
  /// In bytes.
  public static let keyLength = 32

  private let key: SymmetricKey

  /// - Parameter key: At least `keyLength` bytes; the result is nil for a shorter key.
  public init?(key: [UInt8]) {
    guard key.count >= Self.keyLength else { return nil }
    self.key = SymmetricKey(data: key)
  }

  /// The stamp for an object with this spec and these annotations of its origin.
  public func of(_ object: JSON) -> String {
    let metadata = object["metadata"]
    let origin = [
      Wire.Annotation.commit, Wire.Annotation.blob, Wire.Annotation.path, Wire.Annotation.change,
    ]
    let content: [JSON?] =
      ["kdops.dev/stamp 1", object["kind"], metadata?["namespace"], metadata?["name"]]
      + origin.map { metadata?["annotations"]?[$0] } + [object["spec"]]
      // Objects that were applied before this annotation existed do not include it.
      + (metadata?["annotations"]?[Wire.Annotation.specCommit].map { [$0] } ?? [])
    let message = JSON.array(content.map { $0 ?? .null }).serialized(pretty: false, sortedKeys: true)
    return Digest.text(HMAC<SHA256>.authenticationCode(for: message, using: key).prefix(16))
  }

  /// The stamp for a commit that a daemon of the installation creates, over its whole text: tree, parents, author and
  /// message. It is valid only for that commit at that place in the history.
  public func of(commit text: [UInt8]) -> String {
    let message = Array("kdops.dev/commit 1\n".utf8) + text
    return Digest.text(HMAC<SHA256>.authenticationCode(for: message, using: key).prefix(16))
  }

  /// The stamp for the record of the last attempted revision of a branch.
  public func of(lastAttempted commit: String, branch: String) -> String {
    let message = Array("kdops.dev/worked 1\n\(branch)\n\(commit)".utf8)
    return Digest.text(HMAC<SHA256>.authenticationCode(for: message, using: key).prefix(16))
  }

  /// The token of a member for services that require one. It is the same in every container of the pod, and other
  /// members and clusters have other tokens.
  ///
  /// - Parameter cluster: The UID of the cluster.
  public func token(of pod: String, cluster: String) -> String {
    let message = JSON.array(["kdops.dev/token 1", .string(cluster), .string(pod)])
      .serialized(pretty: false, sortedKeys: true)
    return Digest.text(HMAC<SHA256>.authenticationCode(for: message, using: key).prefix(16))
  }

  /// The object with its stamp.
  public func on(_ object: JSON) -> JSON {
    var stamped = object
    var annotations = object["metadata"]?["annotations"] ?? [:]
    annotations[Wire.Annotation.stamp] = .string(of(object))
    stamped["metadata"]?["annotations"] = annotations
    return stamped
  }

  /// Whether the stamp is valid: the object's spec was applied from git, from the origin in its annotations.
  public func holds(_ object: JSON) -> Bool {
    guard let value = object["metadata"]?["annotations"]?[Wire.Annotation.stamp]?.string else { return false }
    return value == of(object)
  }
}

/// Truncated SHA-256.
public enum Digest {
  public static func hex(_ data: some Sequence<UInt8>, bytes: Int) -> String {
    text(SHA256.hash(data: Array(data)).prefix(bytes))
  }

  /// Ten hexadecimal digits.
  public static func short(_ text: String) -> String { hex(text.utf8, bytes: 5) }

  fileprivate static func text(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    for byte in bytes {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }
}
