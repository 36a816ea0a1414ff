import Glibc

/// A snapshot of this machine's processes from `/proc`: their descent, and the memory of each.
///
/// All processes that a sandbox starts remain its descendants: an orphan is adopted by the sandbox's first
/// process, not by the machine's. Descent and memory are read together: a process that lives for only a few
/// milliseconds is either seen with its memory or not at all.
struct ProcessTree: Sendable {
  private struct Entry {
    var pages: Int
    var threads: Int
    var reader: Int32
  }

  private var children: [Int32: [Int32]] = [:]
  private var entries: [Int32: Entry] = [:]
  /// False if the daemon had no descriptor or memory left to read all processes.
  private(set) var isComplete = true

  /// - Parameter proc: the path of the proc file system.
  init(proc: String) {
    var buffer = [UInt8](repeating: 0, count: 1024)
    let (names, access) = ProcFolder.read(proc)
    isComplete = access == .granted
    for name in names {
      guard let process = Int32(name) else { continue }
      errno = 0
      guard let line = Line("\(proc)/\(name)/stat", &buffer) else {
        if ProcAccess(errno: errno) == .unknown { isComplete = false }
        continue
      }
      var entry = Entry(pages: line.pages, threads: max(1, line.threads), reader: process)
      // If the main thread has ended, the kernel shows none of the memory that the other threads still use.
      if line.pages == 0, line.threads > 1, let thread = Self.runningThread(process, proc, &buffer) {
        (entry.reader, entry.pages) = thread
      }
      children[line.parent, default: []].append(process)
      entries[process] = entry
    }
  }

  /// Resident memory of a process, in bytes.
  func resident(_ process: Int32) -> Int { (entries[process]?.pages ?? 0) * Self.page }

  /// The id under which `/proc` shows a process's memory and mappings: its own, or that of another thread if the
  /// main thread has ended.
  func reader(_ process: Int32) -> Int32 { entries[process]?.reader ?? process }

  /// The number of threads of some processes. The kernel's limit on processes counts threads too.
  func threads(of processes: [Int32]) -> Int { processes.reduce(0) { $0 + (entries[$1]?.threads ?? 1) } }

  private static let page = max(4096, Int(sysconf(Int32(_SC_PAGESIZE))))

  /// Returns a process and all its descendants.
  func members(from root: Int32) -> [Int32] {
    var found = [root]
    // `/proc` is not read at one instant: a number that is used again can make a process its own descendant.
    var known: Set<Int32> = [root]
    var index = 0
    while index < found.count {
      for child in children[found[index]] ?? [] where known.insert(child).inserted { found.append(child) }
      index += 1
    }
    return found
  }

  /// How often the threads are listed again if all of them ended while they were read.
  private static let attempts = 16

  /// Finds a thread that still uses the process's memory.
  private static func runningThread(
    _ process: Int32, _ proc: String, _ buffer: inout [UInt8]
  ) -> (thread: Int32, pages: Int)? {
    let folder = "\(proc)/\(process)/task"
    for _ in 0..<attempts {
      for name in ProcFolder.names(folder) {
        guard let thread = Int32(name), thread != process,
          let line = Line("\(folder)/\(name)/stat", &buffer), line.pages > 0
        else { continue }
        return (thread, line.pages)
      }
    }
    return nil
  }

  /// proc(5), `/proc/<pid>/stat`; the second field can contain spaces and parentheses.
  private struct Line {
    var parent: Int32
    var threads: Int
    var pages: Int

    init?(_ path: String, _ buffer: inout [UInt8]) {
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
      (self.parent, threads, pages) = (parent, number(18) ?? 0, number(22) ?? 0)
    }
  }
}
