/// The keys of labels or annotations that a cluster's file may set on pods or services.
///
/// A key with a domain (`example.com/role`) or a dot is meant for some software that may act on it, so it must be
/// listed. A plain key, such as `team`, is private to users by Kubernetes' convention, and always allowed. Keys in the
/// domains of KubeDirector and kdops are never allowed: the daemon and scripts trust them.
public struct KeyList: Sendable, Hashable, ExpressibleByArrayLiteral {
  /// Complete keys, or key prefixes followed by `*`.
  public let patterns: [String]

  public init(_ patterns: [String]) { self.patterns = patterns }
  public init(arrayLiteral elements: String...) { patterns = elements }

  /// The labels that Kubernetes recommends for applications.
  public static let standardLabels: KeyList = ["app.kubernetes.io/*"]
  /// The recommended keys, those by which Prometheus finds metrics, and those in which deployment tools record
  /// checksums.
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

  /// Whether a key is in a domain of KubeDirector or kdops.
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
