/// The keys of labels or annotations that a cluster's file may set on pods or services.
///
/// A key with a domain (`example.com/role`) or a dot in it is addressed to some software, which may obey it; it has to
/// be listed. A plain key, such as `team`, is by Kubernetes' convention private to users, and always allowed. Keys of
/// KubeDirector's and kdops' own domains are never allowed: the daemon and scripts trust them.
public struct KeyList: Sendable, Hashable, ExpressibleByArrayLiteral {
  /// Whole keys, or beginnings of keys with `*` behind them.
  public let patterns: [String]

  public init(_ patterns: [String]) { self.patterns = patterns }
  public init(arrayLiteral elements: String...) { patterns = elements }

  /// Names by which Kubernetes recommends to describe applications.
  public static let standardLabels: KeyList = ["app.kubernetes.io/*"]
  /// The same, where Prometheus finds metrics, and digests that deployment tools note.
  public static let standardPodAnnotations: KeyList = [
    "app.kubernetes.io/*", "checksum/*", "prometheus.io/*",
  ]
  public static let standardServiceAnnotations: KeyList = ["app.kubernetes.io/*", "prometheus.io/*"]

  public func allows(_ key: String) -> Bool {
    if Self.isReserved(key) { return false }
    return Self.isPlain(key) || patterns.contains { Self.matches($0, key) }
  }

  /// The pairs whose keys are allowed.
  public func allowed(_ pairs: [String: String]) -> [String: String] {
    pairs.isEmpty ? pairs : pairs.filter { allows($0.key) }
  }

  /// Whether a key is of a domain that belongs to KubeDirector or kdops.
  public static func isReserved(_ key: String) -> Bool {
    guard let slash = key.utf8.firstIndex(of: UInt8(ascii: "/")) else { return false }
    let domain = Array(key.utf8[..<slash])
    return reserved.contains { own in
      domain.elementsEqual(own) || domain.suffix(own.count + 1).elementsEqual([UInt8(ascii: ".")] + own)
    }
  }

  private static let reserved = [Array(Wire.group.utf8), Array(Wire.ownDomain.utf8)]

  private static func isPlain(_ key: String) -> Bool {
    !key.utf8.contains { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: ".") || $0 >= 0x80 }
  }

  private static func matches(_ pattern: String, _ key: String) -> Bool {
    pattern.utf8.last == UInt8(ascii: "*")
      ? key.utf8.starts(with: pattern.utf8.dropLast()) : key.utf8.elementsEqual(pattern.utf8)
  }
}
