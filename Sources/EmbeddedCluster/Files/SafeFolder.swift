import FoundationEssentials
import Glibc

/// A failed operation on a file or folder.
struct FileError: Error, CustomStringConvertible {
  var description: String

  init(_ description: String) { self.description = description }
  init(errno code: Int32, _ path: String) { description = "\(path): \(String(cString: strerror(code)))" }
}

/// The owner of the files that scripts may write.
struct FileOwner: Sendable, Hashable {
  var user: UInt32
  var group: UInt32
}

/// Operations on folders that scripts can write to. No link is ever followed, because a script could have
/// created it.
enum SafeFolder {
  /// Returns the names in a path; nil if it contains `.`, `..` or an invalid name.
  static func components(_ path: String) -> [String]? {
    // Split by bytes: a slash followed by a combining mark is one Character, but the kernel treats it as a
    // separator.
    let parts = path.utf8.split(separator: UInt8(ascii: "/")).map { String(Substring($0)) }
    return parts.allSatisfy(isName) ? parts : nil
  }

  /// Whether a text is a valid file name.
  static func isName(_ name: String) -> Bool {
    !name.isEmpty && !name.utf8.elementsEqual(".".utf8) && !name.utf8.elementsEqual("..".utf8)
      && !name.utf8.contains { $0 == 0 || $0 == UInt8(ascii: "/") }
  }

  /// Whether a path equals another one or lies in it. Names are compared as bytes, as the kernel does.
  static func lies(_ path: [String], in folder: [String]) -> Bool {
    path.count >= folder.count && zip(path, folder).allSatisfy { $0.utf8.elementsEqual($1.utf8) }
  }

  /// Creates the missing folders of a path below `base`.
  /// - Parameter base: a path whose parent folders no script can write to.
  /// - Throws: `FileError` if something other than a folder is in the way.
  static func make(_ parts: [String], below base: String, owner: FileOwner?) throws {
    _ = try OpenFolder(base).make(parts, owner: owner)
  }

  enum Kind { case folder, file, link, other }

  /// Returns the type of the entry at a path, without following a link; nil if there is none.
  static func kind(_ path: String) -> Kind? {
    var info = stat()
    guard lstat(path, &info) == 0 else { return nil }
    switch info.st_mode & S_IFMT {
    case S_IFDIR: return .folder
    case S_IFREG: return .file
    case S_IFLNK: return .link
    default: return .other
    }
  }

  static func target(ofLink path: String) throws -> String {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink(path, &buffer, buffer.count)
    guard count >= 0 else { throw FileError(errno: errno, path) }
    return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  static func names(in folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
  }

  /// Visits every entry below a folder, parents before their children, without following links.
  static func walk(_ folder: String, _ visit: (_ path: String, _ parts: [String], Kind) throws -> Void) throws
  {
    var pending: [[String]] = [[]]
    while let parts = pending.popLast() {
      let path = ([folder] + parts).joined(separator: "/")
      for name in try names(in: path) {
        let child = parts + [name]
        guard let kind = kind("\(path)/\(name)") else { continue }
        try visit("\(path)/\(name)", child, kind)
        if kind == .folder { pending.append(child) }
      }
    }
  }

  static func give(_ folder: String, to owner: FileOwner?) throws {
    if let owner { try OpenFolder(folder).give(to: owner) }
  }
}
