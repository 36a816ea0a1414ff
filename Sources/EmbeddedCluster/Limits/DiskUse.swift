import Glibc

/// Counts the disk use of the files in some folders, whatever a script has done to the folders.
///
/// No link is followed. Folders are opened through their parents' descriptors, so that no path is too long.
struct DiskUse {
  /// The count stops at this number of bytes.
  let limit: Int
  let depth: Int
  private(set) var bytes: Int
  /// An upper bound for files whose size cannot be read.
  private var unknown = 0
  private var reason: HeldUse.Unknown?
  /// Whether there are folders below the depth limit.
  private(set) var isTooDeep = false
  private var seen: Set<FileID> = []

  /// The smallest size counted for an entry, one block: each entry uses an inode, and takes time to count.
  static let entry = 4096

  /// - Parameter bytes: the bytes counted so far.
  init(limit: Int, depth: Int, bytes: Int = 0) {
    self.limit = limit
    self.depth = depth
    self.bytes = bytes
  }

  var excess: ResourceExcess? {
    if bytes > limit { return .disk(limit: limit) }
    if bytes + unknown > limit { return .unknownDisk(limit: limit, reason) }
    return isTooDeep ? .depth(limit: depth) : nil
  }

  /// Adds an upper bound for files whose size cannot be read.
  /// - Parameter reason: why; nil if only the disk's use shows that there may be some.
  mutating func addUnknown(_ bytes: Int, _ reason: HeldUse.Unknown? = nil) {
    unknown += max(0, bytes)
    self.reason = reason
  }

  /// Counts the content of a folder; nothing if the path is not a folder.
  mutating func add(_ folder: String) {
    add(open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW), level: 0)
  }

  /// - Parameter folder: an open descriptor; this method closes it.
  private mutating func add(_ folder: Int32, level: Int) {
    guard folder >= 0 else { return }
    guard let entries = fdopendir(folder) else {
      close(folder)
      return
    }
    defer { closedir(entries) }
    while excess == nil, let entry = readdir(entries) {
      let next: Int32? = withUnsafePointer(to: &entry.pointee.d_name) { field in
        field.withMemoryRebound(to: CChar.self, capacity: 256) { count($0, in: folder) }
      }
      guard let next else { continue }
      if level + 1 < depth {
        add(next, level: level + 1)
      } else {
        close(next)
        isTooDeep = true
      }
    }
  }

  /// Counts one entry.
  /// - Returns: its descriptor if it is a folder; nil if it is not, or is `.` or `..`.
  private mutating func count(_ name: UnsafePointer<CChar>, in folder: Int32) -> Int32? {
    if strcmp(name, ".") == 0 || strcmp(name, "..") == 0 { return nil }
    var info = stat()
    guard fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) == 0 else { return nil }
    let isFolder = info.st_mode & S_IFMT == S_IFDIR
    let isNew = isFolder || info.st_nlink < 2 || seen.insert(FileID(info)).inserted
    bytes += isNew ? max(Int(info.st_blocks) * 512, Self.entry) : Self.entry
    guard isFolder else { return nil }
    let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW
    let child = openat(folder, name, flags)
    guard child < 0, errno == EACCES else { return child }
    // A script removed its own access rights to the folder, but can still write to it through an open
    // descriptor.
    fchmodat(folder, name, 0o700, 0)
    return openat(folder, name, flags)
  }
}
