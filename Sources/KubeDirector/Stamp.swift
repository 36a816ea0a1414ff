import Crypto
import Values

/// Vouches for an object: the reconciler writes it when it applies a file, and the engine acts on no spec without it,
/// so that an edit by hand starts nothing.
///
/// It is a message authentication code under a key that only the installation's daemons read. Whoever may edit
/// objects, annotations included, cannot make one; a copy of an older one stands only for that very object as it was.
public struct Stamp: Sendable {
  /// In bytes.
  public static let keyLength = 32

  private let key: SymmetricKey

  /// - Parameter key: nil is given back for one that is shorter than `keyLength`.
  public init?(key: [UInt8]) {
    guard key.count >= Self.keyLength else { return nil }
    self.key = SymmetricKey(data: key)
  }

  /// The value for an object that has its spec and the notes of where it came from.
  public func of(_ object: JSON) -> String {
    let metadata = object["metadata"]
    let origin = [
      Wire.Annotation.commit, Wire.Annotation.blob, Wire.Annotation.path, Wire.Annotation.change,
    ]
    let content: [JSON?] =
      ["kdops.dev/stamp 1", object["kind"], metadata?["namespace"], metadata?["name"]]
      + origin.map { metadata?["annotations"]?[$0] } + [object["spec"]]
      // Objects that were applied before there was one do without.
      + (metadata?["annotations"]?[Wire.Annotation.specCommit].map { [$0] } ?? [])
    let message = JSON.array(content.map { $0 ?? .null }).serialized(pretty: false, sortedKeys: true)
    return Digest.text(HMAC<SHA256>.authenticationCode(for: message, using: key).prefix(16))
  }

  /// The value for a commit that a daemon of the installation makes, over all of its text: tree, parents, author and
  /// message. It stands for that very commit at that very place of the history.
  public func of(commit text: [UInt8]) -> String {
    let message = Array("kdops.dev/commit 1\n".utf8) + text
    return Digest.text(HMAC<SHA256>.authenticationCode(for: message, using: key).prefix(16))
  }

  /// The value for a note of which commit of a branch was worked off.
  public func of(worked commit: String, branch: String) -> String {
    let message = Array("kdops.dev/worked 1\n\(branch)\n\(commit)".utf8)
    return Digest.text(HMAC<SHA256>.authenticationCode(for: message, using: key).prefix(16))
  }

  /// The object with the stamp that stands for it.
  public func on(_ object: JSON) -> JSON {
    var stamped = object
    var annotations = object["metadata"]?["annotations"] ?? [:]
    annotations[Wire.Annotation.stamp] = .string(of(object))
    stamped["metadata"]?["annotations"] = annotations
    return stamped
  }

  /// Whether the object's spec was applied from git, from where it says.
  public func holds(_ object: JSON) -> Bool {
    guard let value = object["metadata"]?["annotations"]?[Wire.Annotation.stamp]?.string else { return false }
    return value == of(object)
  }
}

/// SHA-256, shortened.
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
