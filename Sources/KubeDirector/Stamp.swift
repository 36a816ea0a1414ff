import Crypto
import Values

/// Vouches for a spec: the reconciler writes it when it applies a file, and the engine acts on no spec without it,
/// so that an edit by hand starts nothing.
public enum Stamp {
  public static func of(spec: JSON) -> String {
    Digest.hex(spec.serialized(pretty: false, sortedKeys: true), bytes: 16)
  }

  /// True where the object's annotation is that of its spec.
  public static func holds(_ object: JSON) -> Bool {
    guard let stamp = object["metadata"]?["annotations"]?[Wire.Annotation.stamp]?.string,
      let spec = object["spec"]
    else { return false }
    return stamp == of(spec: spec)
  }
}

/// SHA-256, shortened.
public enum Digest {
  public static func hex(_ data: some Sequence<UInt8>, bytes: Int) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    for byte in SHA256.hash(data: Array(data)).prefix(bytes) {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// Ten hexadecimal digits.
  public static func short(_ text: String) -> String { hex(text.utf8, bytes: 5) }
}
