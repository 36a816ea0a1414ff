import Glibc

/// Which processes of this machine descend from which, as `/proc` shows it at one moment.
///
/// Whatever a sandbox starts stays below it: an orphan is adopted by the first process of the sandbox, not by the
/// machine's.
struct ProcessTree: Sendable {
  private var children: [Int32: [Int32]] = [:]

  /// - Parameter proc: where the kernel shows its processes.
  init(proc: String) {
    for name in (try? SafeFolder.names(in: proc)) ?? [] {
      guard let process = Int32(name), let line = FileText.read("\(proc)/\(name)/stat"),
        let parent = Self.parent(line)
      else { continue }
      children[parent, default: []].append(process)
    }
  }

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

  /// - Parameter line: proc(5), `/proc/<pid>/stat`; the second field may itself hold spaces and parentheses.
  private static func parent(_ line: String) -> Int32? {
    guard let end = line.utf8.lastIndex(of: UInt8(ascii: ")")) else { return nil }
    let fields = line[end...].split(separator: " ", maxSplits: 3)
    return fields.count > 2 ? Int32(fields[2]) : nil
  }
}

/// What processes use together, as `/proc` shows it.
struct ProcessUse: Sendable {
  let proc: String

  private static let residentFields: Set<String> = ["VmRSS", "VmSwap", "VmPTE"]

  /// Memory in bytes, swap included, up to which it is at least, and whether a process ended while it was looked at.
  ///
  /// What is resident counts once a process, which is too much for what they share. So only where that sum is above the
  /// limit the kernel is asked for each process's share, which is slow.
  func memory(of processes: [Int32], limit: Int) -> (bytes: Int, isComplete: Bool) {
    var resident: [Int32: Int] = [:]
    for process in processes {
      resident[process] = kibibytes(process, "status", Self.residentFields)
    }
    let sum = resident.values.reduce(0, +)
    let isComplete = resident.count == processes.count
    guard sum > limit else { return (sum, isComplete) }
    let shares = resident.keys.map { process in
      // Not to be read of a process that has ended meanwhile, which then holds nothing, and of one that hides it.
      kibibytes(process, "smaps_rollup", ["Pss", "SwapPss"])
        ?? kibibytes(process, "status", Self.residentFields) ?? 0
    }
    return (shares.reduce(0, +), isComplete)
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
