import Glibc

/// Which processes of this machine descend from which, and how much memory each has, as `/proc` shows it at one moment.
///
/// Whatever a sandbox starts stays below it: an orphan is adopted by the first process of the sandbox, not by the
/// machine's. Both are read at once: a process that lives for a few milliseconds only is seen with its memory or not at all.
struct ProcessTree: Sendable {
  private var children: [Int32: [Int32]] = [:]
  private var pages: [Int32: Int] = [:]

  /// - Parameter proc: where the kernel shows its processes.
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

  /// A process and all that descend from it.
  func members(from root: Int32) -> [Int32] {
    var found = [root]
    var index = 0
    while index < found.count {
      found += children[found[index]] ?? []
      index += 1
    }
    return found
  }

  /// proc(5), `/proc/<pid>/stat`; the second field may itself hold spaces and parentheses.
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

/// What processes use together, as `/proc` shows it.
struct ProcessUse: Sendable {
  let proc: String

  /// Memory of processes in bytes, swap included.
  ///
  /// What is resident counts once a process, which is too much for what they share. So only where that sum is above the
  /// limit the kernel is asked for each process's share, which is slow. Where processes have ended by then, what is left of
  /// them says how much of their memory was shared: processes that replace each other quickly cannot hide what they use.
  func memory(of processes: [Int32], in tree: ProcessTree, limit: Int) -> Int {
    var (sum, known, shares) = (0, 0, 0)
    for process in processes {
      sum += tree.resident(process) + (kibibytes(process, "status", ["VmSwap", "VmPTE"]) ?? 0)
    }
    guard sum > limit else { return sum }
    for process in processes {
      // Not to be read of a process that has ended, nor of one that hides it.
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

  /// The sum of some fields; nil where the process has ended. A kernel's own thread has none of them.
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

  /// What a socket's queues hold at most for each of its ends, and a pipe at first, in bytes.
  private static let (socket, pipe) = (416 << 10, 64 << 10)

  /// What processes hold by what they have open, in bytes of memory and of disk: files that are in no folder any more,
  /// and what the queues of sockets and pipes may hold.
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
