import Diagnostics
import GitStore
import KubeDirector
import Rules

/// Keys and values of the facts that are kept of a tree, as bytes.
enum FactKey {
  /// An app or a cluster: the path of its file.
  static func object(_ reference: ObjectReference) -> [UInt8] {
    FactBytes("o", reference.kind, reference.namespace, reference.name).bytes
  }

  /// A claim: the clusters that make it.
  static func claim(_ claim: ClusterClaim) -> [UInt8] {
    switch claim {
    case .app(let use):
      use.namespace.map { FactBytes("u", $0, use.name).bytes } ?? FactBytes("s", use.name).bytes
    case .set(let name): FactBytes("n", String(name, radix: 36)).bytes
    case .stem(let name): FactBytes("p", String(name, radix: 36)).bytes
    }
  }

  /// Every app.
  static let apps = FactBytes("a").bytes
  /// Every file that is read always.
  static let readAlways = FactBytes("r").bytes
}

/// Texts one after another, each with its length before it.
struct FactBytes {
  private(set) var bytes: [UInt8] = []

  init(_ texts: String...) { for text in texts { append(text) } }

  private mutating func append(_ text: String) {
    let length = UInt32(text.utf8.count)
    for shift in [0, 8, 16, 24] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: length >> shift)) }
    bytes += text.utf8
  }

  /// The texts; nil where the bytes are not made like that.
  static func texts(_ bytes: [UInt8]) -> [String]? {
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

  /// Whether two such texts are the same only where their bytes are: Swift holds some others to be equal.
  static func isPlain(_ text: String) -> Bool { text.utf8.allSatisfy { $0 < 0x80 } }
}
