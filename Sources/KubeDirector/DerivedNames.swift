import Values

/// The names of a cluster's objects, derived from its own name and those of its roles. Pure: the same input always
/// gives the same names.
///
/// Names are lower case; `-` replaces characters that a DNS label may not contain. A StatefulSet's name has at most 52
/// characters, because the label `controller-revision-hash` contains it, a dash and ten more characters, and a label's
/// value is limited to 63 characters (kubernetes/kubernetes#64023).
public enum DerivedNames {
  /// The maximum length of a StatefulSet's name.
  public static let statefulSetLimit = 52
  /// The maximum length of a DNS label, such as a service's name.
  public static let labelLimit = 63

  /// `<cluster>-<role>`; cut and with a hash if it is too long or would also be another role's name.
  /// - Parameter among: The ids of all roles of the cluster. A role whose id is valid as it is keeps the plain name;
  ///   roles whose ids only become equal to it get the hash. Use `statefulSets` for more than one role.
  public static func statefulSet(cluster: String, role: String, among: [String] = []) -> String {
    let id = label(role)
    return statefulSet(
      cluster: cluster, role: role, isTaken: among.contains { $0 != role && label($0) == id })
  }

  /// The names of the StatefulSets of all roles, in the order of the roles.
  public static func statefulSets(cluster: String, roles: [String]) -> [String] {
    // The distinct ids for each label: one id has the label to itself, several ids share it.
    var alike: [String: Set<ExactString>] = [:]
    for role in roles { alike[label(role), default: []].insert(ExactString(role)) }
    return roles.map { statefulSet(cluster: cluster, role: $0, isTaken: (alike[label($0)]?.count ?? 0) > 1) }
  }

  private static func statefulSet(cluster: String, role: String, isTaken: Bool) -> String {
    let plain = label("\(cluster)-\(role)")
    let id = label(role)
    let fits = plain.utf8.count <= statefulSetLimit
    return fits && (!isTaken || id == role)
      ? plain : hashed(plain, of: "\(cluster)/\(role)", limit: statefulSetLimit)
  }

  /// All names that a role's StatefulSet can have. The name depends on the other roles that the cluster had when the
  /// StatefulSet was created.
  public static func statefulSets(cluster: String, role: String) -> Set<String> {
    let plain = label("\(cluster)-\(role)")
    let hashed = hashed(plain, of: "\(cluster)/\(role)", limit: statefulSetLimit)
    return plain.utf8.count <= statefulSetLimit ? [plain, hashed] : [hashed]
  }

  /// The headless service that gives members their host names: `<cluster>`, with a hash if that is not a valid service
  /// name.
  public static func headlessService(cluster: String) -> String {
    let plain = label(cluster)
    return plain == cluster && plain.utf8.count <= labelLimit
      ? plain : hashed(plain, of: cluster, limit: labelLimit)
  }

  /// The headless service of a cluster; an adopted cluster keeps its own.
  public static func headlessService(cluster: String, adopted: AdoptedCluster?) -> String {
    adopted?.headlessService ?? headlessService(cluster: cluster)
  }

  /// The part of a pod's host name after the pod's name.
  public static func domain(
    of cluster: Metadata, clusterDomain: String, adopted: AdoptedCluster? = nil
  ) -> String {
    let service = headlessService(cluster: cluster.name, adopted: adopted)
    return "\(service).\(cluster.namespace).svc.\(clusterDomain)"
  }

  /// The service of one member; only members of roles with services have one.
  public static func memberService(pod: String) -> String { pod }

  public static func pod(statefulSet: String, ordinal: Int) -> String { "\(statefulSet)-\(ordinal)" }

  /// The volume claim that Kubernetes creates from the claim template `p`.
  public static func claim(statefulSet: String, ordinal: Int) -> String { "p-\(statefulSet)-\(ordinal)" }

  /// The StatefulSet that a pod of this name would belong to; nil if the name does not end in a dash and digits.
  public static func stemOfPod(_ name: String) -> String? {
    let digits = name.utf8.reversed().prefix { (0x30...0x39).contains($0) }.count
    let stem = name.utf8.dropLast(digits)
    guard digits > 0, stem.last == UInt8(ascii: "-"), stem.count > 1 else { return nil }
    return String(Substring(stem.dropLast()))
  }

  /// The StatefulSet and the ordinal of the pod with this name; nil if it is not a pod name, or if the ordinal exceeds
  /// the maximum size of a cluster.
  public static func podParts(_ name: String) -> (statefulSet: String, ordinal: Int)? {
    guard let stem = stemOfPod(name) else { return nil }
    let digits = name.utf8.dropFirst(stem.utf8.count + 1)
    guard digits.count <= 4, digits.count == 1 || digits.first != UInt8(ascii: "0"),
      let ordinal = Int(String(Substring(digits)))
    else { return nil }
    return (stem, ordinal)
  }

  /// A fingerprint of a name. Names that are equal after conversion have the same fingerprint, unless a hash
  /// distinguishes them. Computed without building the name, so that thousands of clusters can be compared cheaply.
  public static func fingerprint(_ parts: String...) -> UInt64 {
    var hash = fnvOffset
    for (index, part) in parts.enumerated() {
      if index > 0 { mix(UInt8(ascii: "-"), into: &hash) }
      for byte in part.utf8 { mix(legal(byte), into: &hash) }
    }
    return hash
  }

  /// The text in lower case, with a dash for every character that a DNS label may not contain.
  public static func label(_ text: String) -> String {
    String(decoding: text.utf8.map(legal), as: UTF8.self)
  }

  private static func legal(_ byte: UInt8) -> UInt8 {
    switch byte {
    case 0x61...0x7A, 0x30...0x39, 0x2D: byte
    case 0x41...0x5A: byte | 0x20
    default: 0x2D
    }
  }

  private static func hashed(_ plain: String, of source: String, limit: Int) -> String {
    var hash = fnvOffset
    for byte in source.utf8 { mix(byte, into: &hash) }
    let suffix = String(hash % hashRange, radix: 36)
    let padded = String(repeating: "0", count: 8 - suffix.utf8.count) + suffix
    var stem = Substring(plain).prefix(limit - 9)
    while stem.last == "-" { stem.removeLast() }
    return "\(stem)-\(padded)"
  }

  /// 36 to the 8th power: the number of values of eight characters from `0`–`9` and `a`–`z`.
  private static let hashRange: UInt64 = 2_821_109_907_456

  // FNV-1a, 64 bits: it only distinguishes similar names and is not used for security.
  private static let fnvOffset: UInt64 = 0xcbf2_9ce4_8422_2325
  private static func mix(_ byte: UInt8, into hash: inout UInt64) {
    hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
  }
}
