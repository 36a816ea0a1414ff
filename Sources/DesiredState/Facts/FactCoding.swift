import Diagnostics
import GitStore
import KubeDirector
import Rules

/// Encodes the keys and values of the facts stored about a tree.
public enum FactKey {
  /// The key of an app or a cluster. The value is the path of its file.
  static func object(_ reference: ObjectReference) -> [UInt8] {
    FactBytes("o", reference.kind, reference.namespace, reference.name).bytes
  }

  /// The key for a claim. Its values are the clusters with this claim.
  public static func claim(_ claim: ClusterClaim) -> [UInt8] {
    switch claim {
    case .app(let use):
      use.namespace.map { FactBytes("u", $0, use.name).bytes } ?? FactBytes("s", use.name).bytes
    case .set(let name): FactBytes("n", String(name, radix: 36)).bytes
    case .stem(let name): FactBytes("p", String(name, radix: 36)).bytes
    }
  }

  /// The key of all apps.
  static let apps = FactBytes("a").bytes
  /// The key of all files that are always read.
  static let readAlways = FactBytes("r").bytes
}

/// A sequence of strings, each preceded by its length in bytes.
public struct FactBytes {
  public private(set) var bytes: [UInt8] = []

  public init(_ texts: String...) { for text in texts { append(text) } }

  private mutating func append(_ text: String) {
    let length = UInt32(text.utf8.count)
    for shift in [0, 8, 16, 24] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: length >> shift)) }
    bytes += text.utf8
  }

  /// Decodes the strings; returns nil if the bytes are not in this format.
  public static func texts(_ bytes: [UInt8]) -> [String]? {
    var texts: [String] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      guard rest.count >= 4 else { return nil }
      let length = rest.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
      rest = rest.dropFirst(4)
      guard rest.count >= length, let text = String(validating: rest.prefix(length), as: UTF8.self) else {
        return nil
      }
      texts.append(text)
      rest = rest.dropFirst(length)
    }
    return texts
  }

  /// Whether the text is ASCII. Swift considers some other strings equal although their bytes differ.
  public static func isPlain(_ text: String) -> Bool { text.utf8.allSatisfy { $0 < 0x80 } }
}
