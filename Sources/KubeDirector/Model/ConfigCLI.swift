/// The `configcli` that members with a config package get, if their image has none.
public enum ConfigCLI: Sendable, Hashable {
  /// The daemon's own program.
  case own
  /// The administrator's archive in KubeDirector's format: a gzipped tar with `configcli-*/install`.
  case archive([UInt8])

  /// The largest accepted archive. It is sent to each new container.
  public static let largestArchive = 4 << 20

  /// Checks an archive as far as possible without unpacking it.
  ///
  /// - Parameter digest: the SHA-256 digest that it must have, as `sha256:` and 64 hexadecimal digits; nil for any.
  /// - Returns: what is wrong with it; nil if nothing is.
  public static func problem(ofArchive bytes: [UInt8], digest: String?) -> String? {
    if bytes.count > largestArchive { return "is larger than \(largestArchive >> 20) MiB" }
    // RFC 1952: two magic bytes, then the method, of which only deflate exists.
    if !bytes.starts(with: [0x1F, 0x8B, 0x08]) { return "is not a gzipped tar archive" }
    let found = "sha256:\(Digest.hex(bytes, bytes: 32))"
    if let digest, digest.lowercased() != found { return "has the digest \(found) instead of \(digest)" }
    return nil
  }
}
