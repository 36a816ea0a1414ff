import FoundationEssentials
import Glibc

/// Packs a folder into a `.tgz` whose bytes depend only on the folder's content: no times, no owners, names in
/// order.
///
/// The gzip stream uses stored blocks without compression, because packages are small, short-lived, and only
/// ever unpacked.
/// Sources: POSIX.1-1988 ustar; RFC 1952 (gzip), RFC 1951 §3.2.4 (stored blocks).
enum PackageArchive {
  /// - Parameter name: the folder's name in the archive.
  static func packed(folder: String, as name: String) throws -> [UInt8] {
    var entries: [(path: String, parts: [String], kind: SafeFolder.Kind)] = []
    try SafeFolder.walk(folder) { path, parts, kind in entries.append((path, parts, kind)) }
    entries.sort { $0.parts.lexicographicallyPrecedes($1.parts) }
    var tar = try header("\(name)/", kind: .folder, size: 0, mode: 0o755, link: "")
    for entry in entries {
      let path = ([name] + entry.parts).joined(separator: "/")
      switch entry.kind {
      case .folder: tar += try header(path + "/", kind: .folder, size: 0, mode: 0o755, link: "")
      case .link:
        tar += try header(
          path, kind: .link, size: 0, mode: 0o777, link: SafeFolder.target(ofLink: entry.path))
      case .file:
        let content = try Data(contentsOf: URL(fileURLWithPath: entry.path))
        let isProgram = access(entry.path, X_OK) == 0
        tar += try header(path, kind: .file, size: content.count, mode: isProgram ? 0o755 : 0o644, link: "")
        tar += content
        tar += [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
      case .other: continue
      }
    }
    return gzip(tar + [UInt8](repeating: 0, count: 1024))
  }

  private static func header(
    _ path: String, kind: SafeFolder.Kind, size: Int, mode: Int, link: String
  ) throws -> [UInt8] {
    var block = [UInt8](repeating: 0, count: 512)
    func put(_ text: String, at offset: Int, limit: Int) throws {
      guard text.utf8.count <= limit else {
        throw FileError("\(path): the name is too long for a config package")
      }
      block.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8)
    }
    func octal(_ value: Int, digits: Int) -> String {
      let text = String(value, radix: 8)
      return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
    }
    let (prefix, name) = split(path)
    try put(name, at: 0, limit: 100)
    try put(octal(mode, digits: 7), at: 100, limit: 7)
    try put(octal(0, digits: 7), at: 108, limit: 7)
    try put(octal(0, digits: 7), at: 116, limit: 7)
    try put(octal(size, digits: 11), at: 124, limit: 11)
    try put(octal(0, digits: 11), at: 136, limit: 11)
    try put("        ", at: 148, limit: 8)
    try put(kind == .folder ? "5" : kind == .link ? "2" : "0", at: 156, limit: 1)
    try put(link, at: 157, limit: 100)
    try put("ustar", at: 257, limit: 6)
    try put("00", at: 263, limit: 2)
    try put("root", at: 265, limit: 32)
    try put("root", at: 297, limit: 32)
    try put(prefix, at: 345, limit: 155)
    let sum = block.reduce(0) { $0 + Int($1) }
    try put(octal(sum, digits: 6) + "\0 ", at: 148, limit: 8)
    return block
  }

  /// Splits a path of more than 100 bytes at a slash into the header's two fields.
  private static func split(_ path: String) -> (prefix: String, name: String) {
    guard path.utf8.count > 100 else { return ("", path) }
    let bytes = Array(path.utf8)
    let first = max(0, bytes.count - 101)
    guard let slash = bytes[first..<bytes.count - 1].firstIndex(of: UInt8(ascii: "/")) else {
      return ("", path)
    }
    return (
      String(decoding: bytes[..<slash], as: UTF8.self), String(decoding: bytes[(slash + 1)...], as: UTF8.self)
    )
  }

  // MARK: gzip

  static func gzip(_ content: [UInt8]) -> [UInt8] {
    var output: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255]
    var rest = content[...]
    repeat {
      let block = rest.prefix(0xFFFF)
      rest = rest.dropFirst(block.count)
      output.append(rest.isEmpty ? 1 : 0)
      output += little(UInt16(block.count)) + little(~UInt16(block.count))
      output += block
    } while !rest.isEmpty
    return output + little(crc32(content)) + little(UInt32(truncatingIfNeeded: content.count))
  }

  private static func little(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? 0xEDB8_8320 ^ (value >> 1) : value >> 1 }
  }

  private static func crc32(_ content: [UInt8]) -> UInt32 {
    ~content.reduce(UInt32.max) { table[Int(($0 ^ UInt32($1)) & 0xFF)] ^ ($0 >> 8) }
  }
}
