import Glibc

/// An open folder, for safe access to its content.
///
/// Each step opens one name and follows no link. So no script can redirect a path between its check and its
/// use.
final class OpenFolder: Sendable {
  /// The path at which the folder was opened.
  let path: String
  let descriptor: Int32

  /// `O_PATH`: needs no right to read the folder. glibc defines the constant only with `_GNU_SOURCE`.
  private static let pathOnly: Int32 = 0o10_000_000
  static let flags = pathOnly | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW

  private init(_ descriptor: Int32, _ path: String) throws {
    guard descriptor >= 0 else { throw FileError(errno: errno, path) }
    self.descriptor = descriptor
    self.path = path
  }

  deinit { close(descriptor) }

  /// - Parameter path: a path whose parent folders no script can write to.
  convenience init(_ path: String) throws { try self.init(Glibc.open(path, Self.flags), path) }

  /// Opens the folder with this name.
  /// - Throws: `FileError` if it does not exist or is not a folder.
  func child(_ name: String) throws -> OpenFolder {
    try OpenFolder(openat(descriptor, name, Self.flags), "\(path)/\(name)")
  }

  /// - Parameter name: bytes with a terminating zero.
  func child(_ name: [CChar]) throws -> OpenFolder {
    try OpenFolder(openat(descriptor, name, Self.flags), path)
  }

  /// Opens the folder at a relative path, and creates missing folders.
  /// - Throws: `FileError` if something other than a folder is in the way.
  func make(_ parts: some Sequence<String>, owner: FileOwner?) throws -> OpenFolder {
    var folder = self
    for part in parts { folder = try folder.make(part, owner: owner) }
    return folder
  }

  private func make(_ name: String, owner: FileOwner?) throws -> OpenFolder {
    if mkdirat(descriptor, name, 0o755) == 0 {
      if let owner { _ = fchownat(descriptor, name, owner.user, owner.group, AT_SYMLINK_NOFOLLOW) }
    } else if errno != EEXIST {
      throw FileError(errno: errno, "\(path)/\(name)")
    }
    return try child(name)
  }

  /// Writes a new file. An existing file is replaced, never overwritten in place.
  func write(_ bytes: [UInt8], to name: String, mode: mode_t) throws {
    if unlinkat(descriptor, name, 0) != 0, errno != ENOENT {
      throw FileError(errno: errno, "\(path)/\(name)")
    }
    let file = openat(descriptor, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
    guard file >= 0 else { throw FileError(errno: errno, "\(path)/\(name)") }
    defer { close(file) }
    // Independent of the daemon's umask.
    guard fchmod(file, mode) == 0 else { throw FileError(errno: errno, "\(path)/\(name)") }
    try FileText.write(bytes, to: file, "\(path)/\(name)")
  }

  func link(_ name: String, to target: String) throws {
    guard symlinkat(target, descriptor, name) == 0 else { throw FileError(errno: errno, "\(path)/\(name)") }
  }

  /// The folder's unique identity: device and inode, as `stat -c %d:%i` prints them.
  func identity() throws -> String {
    var info = stat()
    guard fstat(descriptor, &info) == 0 else { throw FileError(errno: errno, path) }
    return "\(info.st_dev):\(info.st_ino)"
  }

  /// Returns the folder's owner.
  func owner() throws -> FileOwner {
    var info = stat()
    guard fstat(descriptor, &info) == 0 else { throw FileError(errno: errno, path) }
    return FileOwner(user: info.st_uid, group: info.st_gid)
  }

  /// The maximum depth of folders whose owner is changed.
  private static let maximumDepth = 4096

  /// Changes the owner of everything in the folder, and of the folder itself last: if the folder has its owner,
  /// so has its content.
  ///
  /// Scripts may be running in it, so each step starts from an open folder.
  func give(to owner: FileOwner) throws {
    var pending: [[[CChar]]] = [[]]
    while let parts = pending.popLast() {
      guard let folder = try open(parts, as: path) else { continue }
      for name in try folder.names() {
        guard fchownat(folder.descriptor, name, owner.user, owner.group, AT_SYMLINK_NOFOLLOW) == 0 else {
          if errno == ENOENT { continue }
          throw FileError(errno: errno, folder.path)
        }
        pending.append(parts + [name])
      }
    }
    // fchown does not accept an `O_PATH` descriptor.
    guard chown("/proc/self/fd/\(descriptor)", owner.user, owner.group) == 0 else {
      throw FileError(errno: errno, path)
    }
  }

  /// Opens the folder at a relative path; nil if a part of the path does not exist or is not a folder.
  func find(_ parts: some Collection<String>) throws -> OpenFolder? {
    try open(parts.map { Array($0.utf8CString) }, as: "\(path)/\(parts.joined(separator: "/"))")
  }

  /// - Parameter path: the path for messages.
  /// - Returns: nil if a part of the path does not exist or is not a folder.
  private func open(_ parts: [[CChar]], as path: String) throws -> OpenFolder? {
    guard parts.count <= Self.maximumDepth else {
      throw FileError("\(path): folders are nested more than \(Self.maximumDepth) deep; remove them")
    }
    var folder = self
    for part in parts {
      let next = openat(folder.descriptor, part, Self.flags)
      guard next >= 0 || ![ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG].contains(errno) else { return nil }
      folder = try OpenFolder(next, path)
    }
    return folder
  }

  /// Returns the names in the folder, as bytes with a terminating zero.
  /// - Parameter limit: the maximum number of names.
  func names(limit: Int = .max) throws -> [[CChar]] {
    let copy = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard copy >= 0 else { throw FileError(errno: errno, path) }
    guard let stream = fdopendir(copy) else {
      close(copy)
      throw FileError(errno: errno, path)
    }
    defer { closedir(stream) }
    var names: [[CChar]] = []
    while names.count < limit, let entry = readdir(stream) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        bytes.prefix { $0 != 0 }.map { CChar(bitPattern: $0) }
      }
      let dot = CChar(bitPattern: UInt8(ascii: "."))
      if name != [dot], name != [dot, dot] { names.append(name + [0]) }
    }
    return names
  }
}
