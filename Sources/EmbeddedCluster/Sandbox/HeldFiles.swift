import Glibc

/// What processes keep and no folder shows: deleted files, shared memory, sockets and pipes. Sizes are in bytes.
struct HeldUse: Sendable, Hashable {
  /// The kernel's memory for the queues of sockets and pipes, and for descriptions of mappings.
  var memory = 0
  /// Shared memory objects, and deleted files of a file system in memory.
  var shared = 0
  /// Deleted files.
  var disk = 0
  /// Whether they sent descriptors over a socket that were not received yet, or wait in a system call that keeps
  /// a closed file.
  var hasUnreceived = false
  /// The number of consecutive looks that found descriptors or calls of this kind. One look can find a connection that
  /// is about to be accepted, or a call that is about to return.
  var unreceivedLooks = 0
  /// Whether they map deleted files or shared memory whose size this user may not read.
  var hasUnreadable = false
}

/// Finds what processes keep and no folder shows, in `/proc`.
struct HeldFiles {
  private(set) var use = HeldUse()
  private let proc: String
  /// The devices on which scripts can write files; other deleted files are in memory.
  private let devices: Set<UInt64>
  private var files: Set<FileID> = []
  private var sockets: Set<UInt64> = []
  private var mappings: Set<[UInt8]> = []
  private var networks: Set<FileID> = []

  /// - Parameter folders: the folders that the processes can write to.
  init(of processes: [Int32], in tree: ProcessTree, folders: [String], proc: String) {
    self.proc = proc
    devices = Set(folders.compactMap { FileID($0)?.device })
    for process in processes {
      let reader = "\(proc)/\(tree.reader(process))"
      addThreads(of: "\(proc)/\(process)")
      addFile("\(reader)/exe")
      addMappings(of: reader)
    }
    // After the descriptors of all processes: a socket that none of them has is unknown.
    if let own = FileID("\(proc)/self/ns/net") { networks.insert(own) }
    for process in processes { addNetwork(of: "\(proc)/\(tree.reader(process))") }
    use.memory += sockets.count * Self.queues
  }

  /// The kernel's memory for an open file.
  private static let file = 1536
  /// The initial size of a pipe.
  private static let pipe = 64 << 10
  /// The size of the queues at both ends of a socket: scripts cannot change the default.
  private static let queues = max(
    416 << 10,
    2 * (FileText.read("/proc/sys/net/core/wmem_default").flatMap { Int($0.prefix { $0 != "\n" }) } ?? 0))

  // MARK: Descriptors

  /// Adds the descriptors and the current folder of each thread: threads need not share them.
  private mutating func addThreads(of process: String) {
    for thread in ProcFolder.names("\(process)/task") {
      let folder = "\(process)/task/\(thread)"
      let names = ProcFolder.names("\(folder)/fd")
      for name in names {
        guard let kind = addFile("\(folder)/fd/\(name)"), kind == S_IFSOCK else { continue }
        if isCarrying("\(folder)/fdinfo/\(name)") { use.hasUnreceived = true }
      }
      addFile("\(folder)/cwd")
      if let call = FileText.read("\(folder)/syscall").flatMap(WaitingCall.init),
        call.keepsUnknown({ names.contains(String($0)) })
      {
        use.hasUnreceived = true
      }
    }
  }

  /// Whether descriptors were sent to a socket and not received yet.
  private func isCarrying(_ info: String) -> Bool {
    guard let text = FileText.read(info) else { return false }
    return text.split(separator: "\n").contains { line in
      line.hasPrefix("scm_fds:") && line.dropFirst("scm_fds:".count).contains { ("1"..."9").contains($0) }
    }
  }

  /// Adds what a link in `/proc` leads to.
  /// - Returns: its kind; nil if it is known already.
  @discardableResult
  private mutating func addFile(_ path: String) -> mode_t? {
    var info = stat()
    guard stat(path, &info) == 0, files.insert(FileID(info)).inserted else { return nil }
    use.memory += Self.file
    let kind = info.st_mode & S_IFMT
    switch kind {
    case S_IFSOCK: sockets.insert(UInt64(info.st_ino))
    case S_IFIFO: use.memory += Self.pipe
    case S_IFREG where info.st_nlink == 0, S_IFDIR where info.st_nlink == 0:
      let bytes = Int(info.st_blocks) * 512
      if devices.contains(UInt64(info.st_dev)) { use.disk += bytes } else { use.shared += bytes }
    default: break
    }
    return kind
  }

  // MARK: Mappings

  /// The kernel's memory for one mapping; `/proc/<pid>/status` does not contain it.
  private static let mapping = 320

  /// Adds deleted files and shared memory that are mapped, and perhaps not open.
  private mutating func addMappings(of process: String) {
    let deleted = Array(" (deleted)".utf8)
    LineReader.forEachLine("\(process)/maps") { line in
      use.memory += Self.mapping
      guard line.count > deleted.count, line.suffix(deleted.count).elementsEqual(deleted) else { return }
      // Address range, access, offset, device, inode, path.
      let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 5)
      guard fields.count == 6, mappings.insert(Array(fields[3]) + [0] + Array(fields[4])).inserted else {
        return
      }
      let file = "\(process)/map_files/\(Self.name(fields[0]))"
      // Only root may follow the link.
      if addFile(file) == nil, access(file, F_OK) != 0, errno == EPERM || errno == EACCES {
        // Shared memory without a name is never larger than its mapping.
        let path = fields[5].drop { $0 == UInt8(ascii: " ") }
        if Self.sharedMemory.contains(where: { path.starts(with: $0.utf8) }) {
          use.shared += Self.length(fields[0])
        } else {
          use.hasUnreadable = true
        }
      }
    }
  }

  /// How the kernel names shared memory that has no name: anonymous mappings and System V segments.
  private static let sharedMemory = ["/dev/zero ", "/SYSV"]

  /// The length of an address range, in bytes.
  private static func length(_ range: some Collection<UInt8>) -> Int {
    let ends = String(decoding: range, as: UTF8.self).split(separator: "-").map { UInt64($0, radix: 16) ?? 0 }
    guard ends.count == 2, ends[0] < ends[1] else { return 0 }
    return Int(clamping: ends[1] - ends[0])
  }

  /// The name of an address range in `map_files`, which has no leading zeros.
  private static func name(_ range: some Collection<UInt8>) -> String {
    String(decoding: range, as: UTF8.self).split(separator: "-").map { part in
      let digits = part.drop { $0 == "0" }
      return digits.isEmpty ? "0" : String(digits)
    }.joined(separator: "-")
  }

  // MARK: Sockets

  /// Adds the sockets of a process's network that no process has open: those that wait in the queue of another
  /// socket for their receiver, or of which the kernel still sends the rest.
  private mutating func addNetwork(of process: String) {
    guard let network = FileID("\(process)/ns/net"), networks.insert(network).inserted else { return }
    let space = UInt8(ascii: " ")
    var isTitle = true
    LineReader.forEachLine("\(process)/net/unix") { line in
      defer { isTitle = false }
      // Address, references, protocol, flags, type, state, inode, path.
      let fields = line.split(separator: space, maxSplits: 7)
      guard !isTitle, fields.count > 6, let inode = UInt64(String(decoding: fields[6], as: UTF8.self)) else {
        return
      }
      if sockets.contains(inode) { return }
      use.hasUnreceived = true
      use.memory += Self.queues
    }
    for (file, version) in [("tcp", ""), ("tcp6", "6"), ("udp", ""), ("udp6", "6")]
    where hasSockets(process, file, version) {
      LineReader.forEachLine("\(process)/net/\(file)") { line in
        // Number, two addresses, state, both queues.
        let fields = line.split(separator: space, maxSplits: 5)
        guard fields.count > 4 else { return }
        for queue in fields[4].split(separator: UInt8(ascii: ":")) {
          // A queue's memory can be twice as large as its content.
          use.memory += 2 * (Int(String(decoding: queue, as: UTF8.self), radix: 16) ?? 0)
        }
      }
    }
  }

  /// Whether a network has such sockets: it takes the kernel some milliseconds to list them.
  private func hasSockets(_ process: String, _ file: String, _ version: String) -> Bool {
    let name = "\(file.uppercased()): inuse "
    return (FileText.read("\(process)/net/sockstat\(version)") ?? "").split(separator: "\n").contains {
      line in
      line.hasPrefix(name) && !line.dropFirst(name.count).hasPrefix("0")
    }
  }
}

struct FileID: Hashable {
  let device: UInt64
  private let inode: UInt64

  init(_ info: stat) {
    device = UInt64(info.st_dev)
    inode = UInt64(info.st_ino)
  }

  init?(_ path: String) {
    var info = stat()
    guard stat(path, &info) == 0 else { return nil }
    self.init(info)
  }
}

/// Reads large files of `/proc` line by line.
enum LineReader {
  static func forEachLine(_ path: String, _ body: (ArraySlice<UInt8>) -> Void) {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return }
    defer { close(file) }
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    // The beginning of the buffer holds the part of a line that was read so far.
    var filled = 0
    while true {
      let count = buffer.withUnsafeMutableBytes {
        read(file, $0.baseAddress?.advanced(by: filled), $0.count - filled)
      }
      guard count > 0 else { return }
      filled += count
      var start = 0
      while let end = buffer[start..<filled].firstIndex(of: UInt8(ascii: "\n")) {
        body(buffer[start..<end])
        start = end + 1
      }
      // A line longer than the buffer is no line of these files.
      if start == 0, filled == buffer.count { return }
      buffer.replaceSubrange(0..<(filled - start), with: Array(buffer[start..<filled]))
      filled -= start
    }
  }
}
