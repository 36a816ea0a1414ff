import Glibc

/// A snapshot of this machine's processes from `/proc`: their descent, and the memory of each.
///
/// All processes that a sandbox starts remain its descendants: an orphan is adopted by the sandbox's first
/// process, not by the machine's. Descent and memory are read together: a process that lives for only a few
/// milliseconds is either seen with its memory or not at all.
struct ProcessTree: Sendable {
  private var children: [Int32: [Int32]] = [:]
  private var pages: [Int32: Int] = [:]

  /// - Parameter proc: the path of the proc file system.
  init(proc: String) {
    guard let entries = opendir(proc) else { return }
    defer { closedir(entries) }
    var buffer = [UInt8](repeating: 0, count: 1024)
    while let entry = readdir(entries) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { field in
        field.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard let process = Int32(name), let fields = Self.fields("\(proc)/\(name)/stat", &buffer) else {
        continue
      }
      children[fields.parent, default: []].append(process)
      pages[process] = fields.pages
    }
  }

  /// Resident memory of a process, in bytes.
  func resident(_ process: Int32) -> Int { (pages[process] ?? 0) * Self.page }

  private static let page = max(4096, Int(sysconf(Int32(_SC_PAGESIZE))))

  /// Returns a process and all its descendants.
  func members(from root: Int32) -> [Int32] {
    var found = [root]
    var index = 0
    while index < found.count {
      found += children[found[index]] ?? []
      index += 1
    }
    return found
  }

  /// proc(5), `/proc/<pid>/stat`; the second field can contain spaces and parentheses.
  private static func fields(_ path: String, _ buffer: inout [UInt8]) -> (parent: Int32, pages: Int)? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    let count = read(file, &buffer, buffer.count)
    guard count > 0, let end = buffer[..<count].lastIndex(of: UInt8(ascii: ")")) else { return nil }
    let fields = buffer[end..<count].split(separator: UInt8(ascii: " "), maxSplits: 23)
    func number(_ index: Int) -> Int? {
      fields.count > index ? Int(String(decoding: fields[index], as: UTF8.self)) : nil
    }
    guard let parent = number(2).flatMap({ Int32(exactly: $0) }) else { return nil }
    return (parent, number(22) ?? 0)
  }
}

/// Measures the resources that processes use together, from `/proc`.
struct ProcessUse: Sendable {
  let proc: String

  /// Returns the memory of processes in bytes, swap included.
  ///
  /// The sum of resident memory counts shared memory once for each process, which is too much. So only if that
  /// sum is above the limit, the kernel is asked for each process's proportional share, which is slow. If
  /// processes have ended by then, the share of the remaining ones is used to estimate theirs, so that
  /// processes which replace each other quickly cannot hide their memory.
  func memory(of processes: [Int32], in tree: ProcessTree, limit: Int) -> Int {
    var (sum, known, shares) = (0, 0, 0)
    for process in processes {
      sum += tree.resident(process) + (kibibytes(process, "status", ["VmSwap", "VmPTE"]) ?? 0)
    }
    guard sum > limit else { return sum }
    for process in processes {
      // Not readable for a process that has ended, or for one that hides it.
      let share = kibibytes(process, "smaps_rollup", ["Pss", "SwapPss"])
      guard let share = share ?? kibibytes(process, "status", ["VmRSS", "VmSwap"]), share > 0 else {
        continue
      }
      known += max(tree.resident(process), share)
      shares += share
    }
    let gone = max(0, sum - known)
    return known == 0 ? sum : shares + Int(Double(gone) * (Double(shares) / Double(known)))
  }

  /// Returns the sum of some fields; nil if the process has ended. A kernel thread has none of them.
  private func kibibytes(_ process: Int32, _ file: String, _ fields: Set<String>) -> Int? {
    guard let text = FileText.read("\(proc)/\(process)/\(file)"), !text.isEmpty else { return nil }
    var sum = 0
    for line in text.split(separator: "\n") {
      guard let colon = line.firstIndex(of: ":"), fields.contains(String(line[..<colon])) else { continue }
      let digits = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }.prefix { $0.isNumber }
      sum += (Int(digits) ?? 0) << 10
    }
    return sum
  }

  /// The maximum size of the queues at each end of a socket, and the initial size of a pipe, in bytes.
  private static let (socket, pipe) = (416 << 10, 64 << 10)

  /// Returns the bytes of memory and disk that processes hold through open descriptors: deleted files, and the
  /// queues of sockets and pipes.
  func openFiles(of processes: [Int32]) -> (memory: Int, disk: Int) {
    var seen: Set<FileID> = []
    var sum = (memory: 0, disk: 0)
    for process in processes {
      let folder = "\(proc)/\(process)/fd"
      for name in (try? SafeFolder.names(in: folder)) ?? [] {
        var info = stat()
        guard stat("\(folder)/\(name)", &info) == 0, seen.insert(FileID(info)).inserted else { continue }
        switch info.st_mode & S_IFMT {
        case S_IFSOCK: sum.memory += Self.socket
        case S_IFIFO: sum.memory += Self.pipe
        case S_IFREG where info.st_nlink == 0: sum.disk += Int(info.st_blocks) * 512
        default: continue
        }
      }
    }
    return sum
  }
}

struct FileID: Hashable {
  private var device: UInt64
  private var inode: UInt64

  init(_ info: stat) {
    device = UInt64(info.st_dev)
    inode = UInt64(info.st_ino)
  }
}
