import Glibc

/// Counts the disk use of the files in some folders, even if a script has removed access rights or nested the folders
/// deeply.
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
  /// Whether files were not counted, because folders were moved or closed meanwhile, or too many would have to be open.
  private(set) var isIncomplete = false
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
    let folder = opened(open(folder, Self.flags))
    guard let top = Level(folder) else {
      if folder >= 0 { close(folder) }
      return
    }
    var levels = [top]
    while excess == nil, !isIncomplete, let level = levels.last {
      if let name = level.pending.popLast() {
        guard let folder = level.descriptor.flatMap({ child(name, in: $0) }) else { continue }
        guard levels.count < depth, let next = Level(folder) else {
          if levels.count >= depth { isTooDeep = true } else { isIncomplete = true }
          close(folder)
          continue
        }
        level.suspend()
        levels.append(next)
        if levels.lazy.filter({ $0.descriptor != nil }).count > Self.mostOpen { isIncomplete = true }
      } else if !read(level) {
        levels.removeLast()
        if let upper = levels.last, !upper.resume(from: level) { isIncomplete = true }
      }
    }
  }

  private static let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW

  /// Records that a folder was not counted, if it could not be opened.
  /// - Returns: the descriptor.
  private mutating func opened(_ descriptor: Int32) -> Int32 {
    if descriptor < 0 { noteUnread(errno) }
    return descriptor
  }

  /// Records that an entry was not counted, because the daemon has no descriptor or memory left or a script removed
  /// the access rights again. Entries that were removed meanwhile are ignored.
  private mutating func noteUnread(_ error: Int32) {
    switch ProcAccess(errno: error) {
    case .denied, .unknown: isIncomplete = true
    case .gone, .granted: break
    }
  }

  // MARK: Levels

  /// The number of folders that are read before the first of them is counted.
  private static let batch = 512

  /// The number of folders that are open at most.
  private static let mostOpen = 8

  /// Counts the next entries of a folder, and collects the folders among them.
  /// - Returns: false at the end of the folder.
  private mutating func read(_ level: Level) -> Bool {
    guard let entries = level.entries, !level.isRead else { return false }
    while excess == nil, level.pending.count < Self.batch {
      guard let entry = readdir(entries) else {
        level.isRead = true
        return !level.pending.isEmpty
      }
      // Only the names of folders are copied.
      let folder = withUnsafePointer(to: &entry.pointee.d_name) { field -> [CChar]? in
        let capacity = MemoryLayout.size(ofValue: field.pointee)
        return field.withMemoryRebound(to: CChar.self, capacity: capacity) { name in
          guard count(name, in: dirfd(entries)) else { return nil }
          return Array(UnsafeBufferPointer(start: name, count: strlen(name) + 1))
        }
      }
      if let folder { level.pending.append(folder) }
    }
    return true
  }

  /// One folder of the path to the entries that are being counted. Only the last folder is open, so a measurement
  /// takes two descriptors at any depth. A folder with more subfolders than are read at a time stays open, too.
  private final class Level {
    let id: FileID
    /// Nil while a folder in it is counted.
    private(set) var entries: OpaquePointer?
    /// The folders in it that are not counted yet, as bytes with a terminating zero.
    var pending: [[CChar]] = []
    var isRead = false

    /// - Parameter folder: an open descriptor, which this object closes unless this fails.
    init?(_ folder: Int32) {
      var info = stat()
      guard folder >= 0, fstat(folder, &info) == 0, let entries = fdopendir(folder) else { return nil }
      id = FileID(info)
      self.entries = entries
    }

    deinit { if let entries { closedir(entries) } }

    var descriptor: Int32? { entries.map { dirfd($0) } }

    /// Closes the folder if all of its entries were read.
    func suspend() {
      guard isRead, let open = entries else { return }
      closedir(open)
      entries = nil
    }

    /// Opens the folder again if it was closed.
    /// - Parameter child: a folder in it.
    /// - Returns: false if the child was moved elsewhere meanwhile, or the folder cannot be opened.
    func resume(from child: Level) -> Bool {
      if entries != nil { return true }
      guard let folder = child.descriptor else { return false }
      var parent = openat(folder, "..", DiskUse.flags)
      if parent < 0, errno == EACCES {
        fchmod(folder, 0o700)
        parent = openat(folder, "..", DiskUse.flags)
      }
      guard let level = Level(parent) else {
        if parent >= 0 { close(parent) }
        return false
      }
      guard level.id == id else { return false }
      (entries, level.entries) = (level.entries, nil)
      return true
    }
  }

  /// Counts one entry.
  /// - Returns: whether it is a folder, and is not `.` or `..`.
  private mutating func count(_ name: UnsafePointer<CChar>, in folder: Int32) -> Bool {
    if strcmp(name, ".") == 0 || strcmp(name, "..") == 0 { return false }
    var info = stat()
    var error = fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW)
    if error != 0, errno == EACCES {
      fchmod(folder, 0o700)
      error = fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW)
    }
    guard error == 0 else {
      noteUnread(errno)
      return false
    }
    let isFolder = info.st_mode & S_IFMT == S_IFDIR
    let isNew = isFolder || info.st_nlink < 2 || seen.insert(FileID(info)).inserted
    bytes += isNew ? max(Int(info.st_blocks) * 512, Self.entry) : Self.entry
    return isFolder
  }

  /// Opens a folder; nil if it cannot be opened.
  private mutating func child(_ name: [CChar], in folder: Int32) -> Int32? {
    var child = openat(folder, name, Self.flags)
    if child < 0, errno == EACCES {
      // A script removed its own access rights to the folder, but can still write to it through an open
      // descriptor.
      child = Self.openClosed(name, in: folder)
    }
    // The script put something else in the folder's place.
    if child < 0, errno == ENOTDIR || errno == ELOOP { isIncomplete = true }
    return opened(child) < 0 ? nil : child
  }

  /// Opens a folder without access rights, after giving them to its owner.
  ///
  /// The rights are changed through a descriptor: a script could replace the name by a link to a file of the daemon's
  /// user meanwhile.
  static func openClosed(_ name: [CChar], in folder: Int32) -> Int32 {
    let found = openat(folder, name, OpenFolder.flags)
    guard found >= 0 else { return found }
    defer { close(found) }
    chmod("/proc/self/fd/\(found)", 0o700)
    return openat(found, ".", flags)
  }
}
