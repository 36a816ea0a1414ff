import Glibc

/// Finds the memory and disk space that processes use and that no folder shows, such as deleted files and sockets, in
/// `/proc`.
///
/// Stops at a number of threads, descriptors, locks, watches, mappings and sockets, because a script can have so many
/// that finding them takes seconds.
struct HeldFiles {
  private(set) var use = HeldUse()
  private let proc: String
  private let limit: Int
  /// The devices on which scripts can write files; other deleted files are in memory.
  private let devices: Set<UInt64>
  /// The devices of file systems whose whole content is counted.
  private var wholes: Set<UInt64> = []
  private var files: Set<FileID> = []
  private var sockets: Set<UInt64> = []
  private var mappings: Set<[UInt8]> = []
  private var networks: Set<FileID> = []
  private var anonymous: Set<FileID> = []
  private var notifiers = OpenFileSet()
  private var notifierCount = 0
  /// The kernel's memory for the queue of an inotify descriptor, if it is full.
  private lazy var notifierQueue = Self.notifierQueue(proc)

  /// - Parameters:
  ///   - folders: the folders that the processes can write to.
  ///   - limit: the count stops when it is above this number of handles.
  init(of processes: [Int32], in tree: ProcessTree, folders: [String], proc: String, limit: Int) {
    (self.proc, self.limit) = (proc, limit)
    devices = Set(folders.compactMap { FileID($0)?.device })
    let own = FileID(Self.sharedFolder)?.device
    for process in processes { addSharedFolder(of: "\(proc)/\(tree.reader(process))", own: own) }
    for process in processes where !isFull {
      let reader = "\(proc)/\(tree.reader(process))"
      addThreads(of: "\(proc)/\(process)")
      addUnread(addFile("\(reader)/exe"), reader)
      addMappings(of: reader)
    }
    // After the descriptors of all processes: a socket that none of them has is unknown.
    if let own = FileID("\(proc)/self/ns/net") { networks.insert(own) }
    for process in processes where !isFull { addNetwork(of: "\(proc)/\(tree.reader(process))") }
    use.memory += sockets.count * NetworkUse.queues
  }

  private var isFull: Bool { use.exceeds(handles: limit) }

  /// A descriptor of a process. Threads usually share their descriptors, and then show the same ones.
  private struct Descriptor: Hashable {
    var name: String
    var file: FileID?
  }

  /// Counts one thread, descriptor, lock, watch or mapping.
  /// - Returns: false above the limit.
  private mutating func count() -> Bool {
    use.handles += 1
    return !isFull
  }

  /// Records that a process's or thread's data may not be read, unless the process has ended: the kernel refuses
  /// access then, too.
  private mutating func addDenied(_ folder: String) {
    guard let state = FileText.read("\(folder)/stat").flatMap({ ProcessStat.fields($0).first }),
      state != "Z", state != "X"
    else { return }
    use.add(.descriptors)
  }

  /// Records that a process's or thread's data was not read.
  private mutating func addUnread(_ access: ProcAccess, _ folder: String) {
    switch access {
    case .denied: addDenied(folder)
    case .unknown: use.add(.descriptors)
    case .granted, .gone: break
    }
  }

  // MARK: Descriptors

  /// The kernel's memory for an open file.
  private static let file = 1536
  /// The initial size of a pipe.
  private static let pipe = 64 << 10

  /// Adds the descriptors and the current folder of each thread: threads need not share them.
  private mutating func addThreads(of process: String) {
    var descriptors: Set<Descriptor> = []
    for thread in ProcFolder.names("\(process)/task") {
      guard count() else { return }
      let folder = "\(process)/task/\(thread)"
      let (names, access) = ProcFolder.read("\(folder)/fd")
      addUnread(access, folder)
      for name in names {
        use.visits += 1
        guard !isFull else { return }
        let path = "\(folder)/fd/\(name)"
        var info = stat()
        let access = stat(path, &info) == 0 ? ProcAccess.granted : ProcAccess(errno: errno)
        let file = access == .granted ? FileID(info) : nil
        let isNew = descriptors.insert(Descriptor(name: name, file: file)).inserted
        if isNew {
          guard count() else { return }
          addDetails(of: "\(folder)/fdinfo/\(name)")
        }
        if isNotifier(path, file), let thread = Int32(thread), let number = Int32(name) {
          addNotifier(.init(thread: thread, descriptor: number), isNew: isNew)
        }
        if access == .granted { addFile(info) } else { addUnread(access, folder) }
      }
      addUnread(addFile("\(folder)/cwd"), folder)
      if let call = FileText.read("\(folder)/syscall").flatMap(WaitingCall.init),
        call.keepsUnknown({ names.contains(String($0)) })
      {
        use.add(.unreceived)
      }
    }
  }

  /// The beginnings of the lines of proc(5), `/proc/<pid>/fdinfo/<descriptor>`, that stand for an object of the kernel,
  /// and the memory of each: a lock of a file, a file that an epoll descriptor watches, and a file or folder that
  /// inotify watches, whose inode then stays in memory.
  private static let objects: [(prefix: [UInt8], memory: Int)] = [
    (Array("lock:".utf8), 256), (Array("tfd:".utf8), 256), (Array("inotify ".utf8), 1280),
  ]
  private static let carried = Array("scm_fds:".utf8)
  /// Buffer size in bytes that is enough for a descriptor with few of these objects.
  private static let shortDetails = 4096

  /// Adds the objects that the kernel keeps for a descriptor, and records descriptors that were sent to a socket and
  /// not received yet.
  private mutating func addDetails(of path: String) {
    guard let text = FileText.bytes(path, limit: Self.shortDetails) else { return }
    if text.count < Self.shortDetails {
      for line in text.split(separator: UInt8(ascii: "\n")) { guard addDetail(line) else { return } }
    } else {
      LineReader.forEachLine(path) { addDetail($0) }
    }
  }

  /// - Returns: false above the limit.
  private mutating func addDetail(_ line: ArraySlice<UInt8>) -> Bool {
    if let object = Self.objects.first(where: { line.starts(with: $0.prefix) }) {
      use.memory += object.memory
      return count()
    }
    if line.starts(with: Self.carried),
      line.dropFirst(Self.carried.count).contains(where: { $0 > UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
      )
    {
      use.add(.unreceived)
    }
    return true
  }

  /// Adds the file that a link of a process or thread leads to.
  private mutating func addFile(_ path: String) -> ProcAccess {
    var info = stat()
    guard stat(path, &info) == 0 else { return ProcAccess(errno: errno) }
    addFile(info)
    return .granted
  }

  /// Adds a file, unless it was added before.
  private mutating func addFile(_ info: stat) {
    guard files.insert(FileID(info)).inserted else { return }
    use.memory += Self.file
    switch info.st_mode & S_IFMT {
    case S_IFSOCK: sockets.insert(UInt64(info.st_ino))
    case S_IFIFO: use.memory += Self.pipe
    case S_IFREG where info.st_nlink == 0, S_IFDIR where info.st_nlink == 0:
      let (bytes, device) = (Int(info.st_blocks) * 512, UInt64(info.st_dev))
      if devices.contains(device) {
        use.disk += bytes
      } else if !wholes.contains(device) {
        use.shared += bytes
      }
    default: break
    }
  }

  // MARK: inotify

  /// Whether a descriptor belongs to inotify.
  /// - Parameter file: the file; nil if it could not be read.
  private mutating func isNotifier(_ path: String, _ file: FileID?) -> Bool {
    // Almost all descriptors are of other files, whose links need not be read.
    if let file, files.contains(file), !anonymous.contains(file) { return false }
    var bytes = [CChar](repeating: 0, count: 64)
    let length = readlink(path, &bytes, bytes.count)
    guard length > 0 else { return false }
    let target = bytes.prefix(length).map { UInt8(bitPattern: $0) }
    guard target.starts(with: Self.anonymousPrefix) else { return false }
    if let file { anonymous.insert(file) }
    return target == Self.notifier
  }

  private static let anonymousPrefix = Array("anon_inode:".utf8)
  private static let notifier = Array("anon_inode:inotify".utf8)

  /// This number of inotify descriptors counts with `notifierShare` at most, each further one as a full queue.
  ///
  /// The kernel does not show how many events wait in the queue of another process. Programs have one or a few of these
  /// descriptors, and read them; to count full queues would end honest scripts. A script that fills queues to keep memory
  /// needs many. It can keep 7 MiB more than is counted in each of the first ones, 112 MiB with the kernel's usual
  /// setting.
  private static let fewNotifiers = 16
  private static let notifierShare = 1 << 20
  /// The kernel's memory for an event with a long name.
  private static let event = 512

  /// - Parameter isNew: whether the process has no such descriptor with the same number so far. It decides where the
  ///   kernel does not compare descriptors.
  private mutating func addNotifier(_ member: OpenFileSet.Member, isNew: Bool) {
    guard notifiers.insert(member) ?? isNew else { return }
    notifierCount += 1
    let queue = notifierQueue
    use.memory += notifierCount > Self.fewNotifiers ? queue : min(queue, Self.notifierShare)
  }

  private static func notifierQueue(_ proc: String) -> Int {
    let text = FileText.read("\(proc)/sys/fs/inotify/max_queued_events") ?? ""
    return (Int32(text.prefix(while: \.isWholeNumber)).map(Int.init) ?? 16_384) * event
  }

  // MARK: Shared memory

  /// The folder of named shared memory. In a sandbox it is a file system of its own.
  private static let sharedFolder = "/dev/shm"

  /// Adds the files in a sandbox's folder of shared memory, deleted ones included.
  /// - Parameter own: the device of the daemon's own folder.
  private mutating func addSharedFolder(of process: String, own: UInt64?) {
    let path = "\(process)/root\(Self.sharedFolder)"
    var system = statvfs()
    guard let device = FileID(path)?.device, device != own, !devices.contains(device),
      wholes.insert(device).inserted, statvfs(path, &system) == 0
    else { return }
    let blocks = max(0, Int(clamping: system.f_blocks) - Int(clamping: system.f_bfree))
    let (bytes, overflow) = blocks.multipliedReportingOverflow(by: Int(clamping: system.f_frsize))
    use.shared += overflow ? 0 : bytes
    let entries = max(0, Int(clamping: system.f_files) - Int(clamping: system.f_ffree))
    let (kernel, isTooMuch) = entries.multipliedReportingOverflow(by: Self.entry)
    use.shared += isTooMuch ? 0 : kernel
  }

  /// The kernel's memory for an entry of a file system in memory, also for an empty file.
  private static let entry = 2048

  // MARK: Mappings

  /// The kernel's memory for one mapping; `/proc/<pid>/status` does not contain it.
  private static let mapping = 320

  /// Adds deleted files and shared memory that are mapped, and perhaps not open.
  private mutating func addMappings(of process: String) {
    let deleted = Array(" (deleted)".utf8)
    let access = LineReader.forEachLine("\(process)/maps") { line in
      use.memory += Self.mapping
      guard count() else { return false }
      guard line.count > deleted.count, line.suffix(deleted.count).elementsEqual(deleted) else { return true }
      // Address range, access, offset, device, inode, path.
      let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 5)
      guard fields.count == 6, mappings.insert(Array(fields[3]) + [0] + Array(fields[4])).inserted else {
        return true
      }
      // Only root may follow the link.
      if addFile("\(process)/map_files/\(Self.name(fields[0]))") == .denied {
        // Shared memory without a name is never larger than its mapping.
        let path = fields[5].drop { $0 == UInt8(ascii: " ") }
        if Self.sharedMemory.contains(where: { path.starts(with: $0.utf8) }) {
          use.shared += Self.length(fields[0])
        } else {
          use.add(.sizes)
        }
      }
      return true
    }
    addUnread(access, process)
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

  /// Adds the memory of a process's network namespace, once for each namespace. A namespace that may not be
  /// identified could be the machine's own.
  private mutating func addNetwork(of process: String) {
    guard let network = FileID("\(process)/ns/net"), networks.insert(network).inserted else { return }
    let found = NetworkUse(of: process, open: sockets, limit: limit - use.handles)
    use.memory += found.memory
    use.handles += found.lines
    if found.hasUnreceived { use.add(.unreceived) }
  }
}
