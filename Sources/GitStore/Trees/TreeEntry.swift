import Values

/// A file of a tree, or an entry that could be a file and is never followed.
public struct TreeEntry: Sendable, Hashable {
  /// From the repository's root, with `/`. A hostile path is quoted as git quotes it, so it is safe to print.
  @ExactString public private(set) var path: String
  /// The blob; for a submodule its commit, for a folder that is not entered its tree.
  public let id: ObjectID
  public let kind: Kind

  public enum Kind: Sendable, Hashable {
    case file(executable: Bool)
    /// An entry that is neither followed nor read, with the reason.
    case link(Reason)
  }

  /// Why an entry is not read.
  public enum Reason: String, Sendable, Hashable, CaseIterable {
    case symlink
    case submodule
    /// A name that is `.`, `..`, `.git` or empty, contains a `/`, `\` or control character, or has more than
    /// 255 bytes.
    case hostilePath
    /// A name that is not UTF-8.
    case notUTF8
    /// More than 64 folders deep, or a path of more than 4096 bytes.
    case tooDeep
    /// A mode that git does not write.
    case unknownMode
  }

  public init(path: String, id: ObjectID, kind: Kind) {
    self.path = path
    self.id = id
    self.kind = kind
  }

  /// Whether `path` leads to the entry in the tree. The path of a hostile name is quoted, so it leads to no
  /// entry.
  public var isWithinReach: Bool {
    switch kind {
    case .link(.hostilePath), .link(.notUTF8), .link(.tooDeep): false
    case .file, .link: true
    }
  }

  /// False for an entry that must be reported instead of read.
  public var isFile: Bool {
    if case .file = kind { true } else { false }
  }
}

/// The entry at a path before and after a change.
public struct TreeChange: Sendable, Hashable {
  @ExactString public private(set) var path: String
  /// Nil if the path is new.
  public let old: TreeEntry?
  /// Nil if the path was removed.
  public let new: TreeEntry?

  public init(path: String, old: TreeEntry?, new: TreeEntry?) {
    self.path = path
    self.old = old
    self.new = new
  }
}

/// The modes of git's trees and index.
enum FileMode {
  static let tree: UInt32 = 0o040000
  static let file: UInt32 = 0o100644
  static let executable: UInt32 = 0o100755
  static let symlink: UInt32 = 0o120000
  static let submodule: UInt32 = 0o160000

  /// The kind of an entry that is not a folder. Old versions of git also wrote 100664.
  static func kind(_ mode: UInt32) -> TreeEntry.Kind {
    switch mode {
    case symlink: .link(.symlink)
    case submodule: .link(.submodule)
    case _ where mode & 0o170000 == 0o100000: .file(executable: mode & 0o111 != 0)
    default: .link(.unknownMode)
    }
  }
}

/// Checks names and paths from outside, as bytes.
enum PathBytes {
  /// The deepest allowed nesting of folders.
  static let maximumDepth = 64
  /// The longest name that file systems support, in bytes.
  static let longestName = 255
  /// The longest allowed path of a folder, in bytes.
  static let maximumPath = 4096

  /// Whether one name of a path could lead out of the tree or into git's own files, or could mislead a reader
  /// when printed.
  static func isHostile(_ name: UnsafeRawBufferPointer) -> Bool {
    if name.count > longestName { return true }
    switch name.count {
    case 0: return true
    case 1 where name[0] == UInt8(ascii: "."): return true
    case 2 where name[0] == UInt8(ascii: ".") && name[1] == UInt8(ascii: "."): return true
    case 4 where name[0] == UInt8(ascii: "."):
      let letters = name.dropFirst().map { $0 | 0x20 }
      if letters == Array("git".utf8) { return true }
    default: break
    }
    var ascii = true
    for byte in name {
      if byte < 0x20 || byte == 0x7f || byte == UInt8(ascii: "/") || byte == UInt8(ascii: "\\") {
        return true
      }
      if byte >= 0x80 { ascii = false }
    }
    guard !ascii else { return false }
    guard let text = String(validating: name, as: UTF8.self) else { return true }
    // C1 controls and the marks that change the text direction.
    return text.unicodeScalars.contains {
      (0x80...0x9f).contains($0.value) || (0x202a...0x202e).contains($0.value)
        || (0x2066...0x2069).contains($0.value)
    }
  }

  /// Why an entry with this name is not read; nil if the name is safe.
  static func reasonAgainst(name: UnsafeRawBufferPointer) -> TreeEntry.Reason? {
    guard isHostile(name) else { return nil }
    return String(validating: name, as: UTF8.self) == nil ? .notUTF8 : .hostilePath
  }

  /// The path with everything except printable ASCII written as `\ooo`, as git quotes it.
  static func quoted(_ path: some Sequence<UInt8>) -> String {
    var text = ""
    for byte in path {
      switch byte {
      case 0x20..<0x7f where byte != UInt8(ascii: "\\"): text.unicodeScalars.append(Unicode.Scalar(byte))
      case UInt8(ascii: "\\"): text += "\\\\"
      default:
        let digits = String(byte, radix: 8)
        text += "\\" + String(repeating: "0", count: 3 - digits.count) + digits
      }
    }
    return text
  }

  /// Why a path, written with `/`, is not safe; nil if it is safe.
  static func reasonAgainst(_ path: String) -> TreeEntry.Reason? {
    var path = path
    return path.withUTF8 { reasonAgainst(UnsafeRawBufferPointer($0)) }
  }

  static func reasonAgainst(_ path: UnsafeRawBufferPointer) -> TreeEntry.Reason? {
    var depth = 0
    var hostile = false
    forEachName(of: path) { name in
      depth += 1
      hostile = isHostile(name)
      return !hostile
    }
    return hostile ? .hostilePath : depth > maximumDepth ? .tooDeep : nil
  }

  /// Iterates over the names between the `/` of a path; `body` returns whether to continue.
  static func forEachName(of path: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Bool) {
    var start = 0
    while true {
      let end = path[start...].firstIndex(of: UInt8(ascii: "/")) ?? path.count
      guard body(UnsafeRawBufferPointer(rebasing: path[start..<end])), end < path.count else { return }
      start = end + 1
    }
  }
}
