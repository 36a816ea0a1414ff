import FoundationEssentials
import Glibc

/// What went wrong with a file or a folder.
struct FileError: Error, CustomStringConvertible {
  var description: String

  init(_ description: String) { self.description = description }
  init(errno code: Int32, _ path: String) { description = "\(path): \(String(cString: strerror(code)))" }
}

/// Who owns what scripts may write.
struct FileOwner: Sendable, Hashable {
  var user: UInt32
  var group: UInt32
}

/// Steps into folders that scripts can write to. No link is ever followed: a script could have put it there.
enum SafeFolder {
  /// The parts of a path; nil where it steps back or names nothing.
  static func components(_ path: String) -> [String]? {
    let parts = path.split(separator: "/").map(String.init)
    return parts.contains { $0 == "." || $0 == ".." || $0.utf8.contains(0) } ? nil : parts
  }

  /// Makes the folders of a path below `base` where they are missing.
  /// - Throws: `FileError` where something other than a folder is in the way.
  static func make(_ parts: [String], below base: String, owner: FileOwner?) throws {
    var folder = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { throw FileError(errno: errno, base) }
    defer { close(folder) }
    var path = base
    for part in parts {
      path += "/\(part)"
      let isNew = mkdirat(folder, part, 0o755) == 0
      guard isNew || errno == EEXIST else { throw FileError(errno: errno, path) }
      let next = openat(folder, part, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
      guard next >= 0 else { throw FileError(errno: errno, path) }
      close(folder)
      folder = next
      if isNew, let owner { fchown(folder, owner.user, owner.group) }
    }
  }

  enum Kind { case folder, file, link, other }

  /// What is at a path, itself and not what it points to; nil where there is nothing.
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

  /// Every entry below a folder, parents before their children, without following links.
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
    guard let owner else { return }
    lchown(folder, owner.user, owner.group)
    try walk(folder) { path, _, _ in lchown(path, owner.user, owner.group) }
  }
}
