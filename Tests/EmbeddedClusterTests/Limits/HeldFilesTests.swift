import FoundationEssentials
import Glibc
import Testing

@testable import EmbeddedCluster

@Suite("Resource use of processes")
struct HeldFilesTests {
  @Test("is read from another thread if the main thread has ended")
  func mainThreadEnded() throws {
    let proc = ClusterFixture.temporaryFolder()
    defer { ClusterFixture.remove(proc) }
    func make(_ path: String, state: Character, parent: Int, threads: Int, pages: Int) throws {
      try FileManager.default.createDirectory(atPath: "\(proc)/\(path)", withIntermediateDirectories: true)
      let id = path.split(separator: "/").last ?? ""
      let before = Array(repeating: "0", count: 15).joined(separator: " ")
      try write(
        "\(id) (x) \(state) \(parent) \(before) \(threads) 0 0 0 \(pages) 0", to: "\(proc)/\(path)/stat")
    }
    try make("10", state: "S", parent: 1, threads: 1, pages: 1)
    try make("11", state: "Z", parent: 10, threads: 3, pages: 0)
    try make("11/task/11", state: "Z", parent: 10, threads: 3, pages: 0)
    try make("11/task/12", state: "Z", parent: 10, threads: 3, pages: 0)
    try make("11/task/13", state: "S", parent: 10, threads: 3, pages: 500)
    // As in `/proc`, where the folder of each thread exists but is not listed.
    try FileManager.default.createDirectory(atPath: "\(proc)/13", withIntermediateDirectories: true)
    try write("VmSwap: 12 kB\n", to: "\(proc)/13/status")
    let tree = ProcessTree(proc: proc)
    #expect(tree.members(from: 10) == [10, 11])
    #expect(tree.reader(11) == 13)
    #expect(tree.threads(of: [10, 11]) == 4)
    let page = tree.resident(10)
    #expect(tree.resident(11) == 500 * page)
    #expect(ProcessUse(proc: proc).memory(of: [10, 11], in: tree, limit: 1 << 30) == 501 * page + 12 << 10)
  }

  @Test("counts shared memory once, whether or not processes show it")
  func sharedMemory() throws {
    let proc = ClusterFixture.temporaryFolder()
    defer { ClusterFixture.remove(proc) }
    for process in [10, 11] {
      try FileManager.default.createDirectory(atPath: "\(proc)/\(process)", withIntermediateDirectories: true)
      let zeros = Array(repeating: "0", count: 19).joined(separator: " ")
      try write("\(process) (x) S 1 \(zeros) 25 0", to: "\(proc)/\(process)/stat")
      try write(
        "VmRSS: 100 kB\nRssShmem: 80 kB\nVmSwap: 0 kB\nVmPTE: 4 kB\n", to: "\(proc)/\(process)/status")
      try write("Pss: 60 kB\nPss_Shmem: 40 kB\nSwapPss: 0 kB\n", to: "\(proc)/\(process)/smaps_rollup")
    }
    let tree = ProcessTree(proc: proc)
    func memory(shared: Int, limit: Int) -> Int {
      ProcessUse(proc: proc).memory(of: [10, 11], in: tree, shared: shared << 10, limit: limit << 10) >> 10
    }
    #expect(memory(shared: 80, limit: 300) == 208)
    #expect(memory(shared: 80, limit: 150) == 128)
    #expect(memory(shared: 500, limit: 1000) == 548)
    #expect(memory(shared: 500, limit: 150) == 548)
  }

  @Test("includes the files of a waiting system call, even if they are closed")
  func waitingCalls() throws {
    #if arch(x86_64)
      func keeps(_ line: String) -> Bool { WaitingCall(line)?.keepsUnknown { $0 == 3 } ?? false }
      #expect(!keeps("running\n"))
      #expect(!keeps("-1 0x7ffe 0x7fdc\n"))
      #expect(!keeps("61 0x6fec 0x7f 0x0 0x0 0x1 0x0 0x7f 0x7f\n"))
      #expect(!keeps("73 0x3 0x2 0x0 0x0 0x0 0x0 0x7f 0x7f\n"))
      #expect(keeps("73 0x4 0x2 0x0 0x0 0x0 0x0 0x7f 0x7f\n"))
      #expect(keeps("40 0x3 0x5 0x0 0x0 0x0 0x0 0x7f 0x7f\n"))
      #expect(keeps("46 0x3 0x7fdc 0x0 0x0 0x0 0x0 0x7f 0x7f\n"))
    #endif
  }

  @Test("reports a disk as nearly full below a twentieth of its size, or 4 GiB")
  func nearlyFull() {
    #expect(MachineUse.isNearlyFull(size: 20 << 30, available: 1 << 30 - 1))
    #expect(!MachineUse.isNearlyFull(size: 20 << 30, available: 1 << 30))
    #expect(!MachineUse.isNearlyFull(size: 1 << 40, available: 4 << 30))
  }

  @Test("counts unknown growth of the disk only together with the known files")
  func unknownDisk() {
    var use = DiskUse(limit: 100, depth: 9, bytes: 60)
    use.addUnknown(-50)
    #expect(use.excess == nil)
    use.addUnknown(41)
    #expect(use.excess == .unknownDisk(limit: 100, nil))
    #expect(DiskUse(limit: 100, depth: 9, bytes: 101).excess == .disk(limit: 100))
  }

  // MARK: Handles

  /// The folder of one process in a proc file system that its tests write.
  private static func makeProcess(_ process: Int32, in proc: String, state: Character = "S") throws {
    let zeros = Array(repeating: "0", count: 19).joined(separator: " ")
    for folder in ["\(proc)/\(process)", "\(proc)/\(process)/task/\(process)"] {
      try FileManager.default.createDirectory(atPath: "\(folder)/fd", withIntermediateDirectories: true)
      try Data("\(process) (a) b) \(state) 1 \(zeros) 1 0".utf8).write(
        to: URL(fileURLWithPath: "\(folder)/stat"))
    }
    chmod(proc, 0o755)
  }

  private static func held(_ processes: [Int32], in proc: String, limit: Int = 1_000) -> HeldUse {
    HeldFiles(of: processes, in: ProcessTree(proc: proc), folders: [], proc: proc, limit: limit).use
  }

  @Test("is counted up to the limit of mappings, descriptors and threads of all processes together")
  func handles() throws {
    let proc = ClusterFixture.temporaryFolder()
    defer { ClusterFixture.remove(proc) }
    let line = "00400000-00401000 r--p 00000000 00:00 0 \n"
    for process: Int32 in [10, 11, 12] {
      try Self.makeProcess(process, in: proc)
      try write(String(repeating: line, count: 50), to: "\(proc)/\(process)/maps")
      for number in 0..<4 { symlink("/dev/null", "\(proc)/\(process)/task/\(process)/fd/\(number)") }
    }
    #expect(Self.held([10, 11, 12], in: proc).handles == 3 * (1 + 4 + 50))
    let limited = Self.held([10, 11, 12], in: proc, limit: 60)
    #expect(limited.handles == 61)
    #expect(limited.memory < 60 * 320 + 2 * 1536)
  }

  @Test("counts descriptors that threads share once, and those of a thread's own table each")
  func sharedDescriptors() throws {
    let proc = ClusterFixture.temporaryFolder()
    defer { ClusterFixture.remove(proc) }
    try Self.makeProcess(10, in: proc)
    for thread in 10..<20 {
      let descriptors = "\(proc)/10/task/\(thread)/fd"
      try FileManager.default.createDirectory(atPath: descriptors, withIntermediateDirectories: true)
      for number in 0..<100 { symlink("/dev/null", "\(descriptors)/\(number)") }
    }
    #expect(Self.held([10], in: proc).handles == 10 + 100)
    let own = "\(proc)/10/task/19/fd/0"
    unlink(own)
    symlink("/dev/zero", own)
    #expect(Self.held([10], in: proc).handles == 10 + 101)
    let limited = Self.held([10], in: proc, limit: 50)
    #expect(limited.exceeds(handles: 50) && limited.handles == 51)
    var many = HeldUse()
    many.visits = 1_001
    #expect(many.exceeds(handles: 100) && !many.exceeds(handles: 101))
  }

  @Test("counts locks and watches of a descriptor, however many, with the kernel's memory for them")
  func locksAndWatches() throws {
    let proc = ClusterFixture.temporaryFolder()
    defer { ClusterFixture.remove(proc) }
    try Self.makeProcess(10, in: proc)
    let thread = "\(proc)/10/task/10"
    try FileManager.default.createDirectory(atPath: "\(thread)/fdinfo", withIntermediateDirectories: true)
    let head = "pos:\t0\nflags:\t0100002\nmnt_id:\t29\n"
    let watches = (0..<300).map { "tfd: \($0) events: 19 data: 5  pos:0 ino:6 sdev:f\n" }.joined()
    let details = [
      head,
      head
        + "lock:\t1: POSIX  ADVISORY  WRITE 10 00:2f:1 0 0\nlock:\t2: FLOCK  ADVISORY  READ 10 00:2f:1 2 EOF\n",
      head + watches, head + "inotify wd:1 ino:2 sdev:f mask:fce ignored_mask:0\nscm_fds: 0\n",
    ]
    for (number, text) in details.enumerated() {
      symlink("/dev/null", "\(thread)/fd/\(number)")
      try write(text, to: "\(thread)/fdinfo/\(number)")
    }
    let held = Self.held([10], in: proc)
    #expect(held.handles == 1 + 4 + 2 + 300 + 1)
    #expect(held.memory == 1536 + 302 * 256 + 1280)
    #expect(Self.held([10], in: proc, limit: 100).handles == 101)
  }

  @Test(
    "counts few inotify descriptors with a small share, and many with their full queues", arguments: [4, 40])
  func notifiers(count: Int) throws {
    let proc = ClusterFixture.temporaryFolder()
    defer { ClusterFixture.remove(proc) }
    try Self.makeProcess(10, in: proc)
    try FileManager.default.createDirectory(
      atPath: "\(proc)/sys/fs/inotify", withIntermediateDirectories: true)
    try write("20000\n", to: "\(proc)/sys/fs/inotify/max_queued_events")
    for number in 0..<count { symlink("anon_inode:inotify", "\(proc)/10/task/10/fd/\(90_000 + number)") }
    for number in 0..<9 { symlink("anon_inode:[eventpoll]", "\(proc)/10/task/10/fd/\(91_000 + number)") }
    #expect(Self.held([10], in: proc).memory == min(count, 16) << 20 + max(0, count - 16) * 20_000 * 512)
  }

  @Test(
    "is unknown, not gone, if the daemon has no descriptors or memory left",
    arguments: [EMFILE, ENFILE, ENOMEM])
  func shortage(error: Int32) {
    #expect(ProcAccess(errno: error) == .unknown)
    #expect(ProcAccess(errno: ESRCH) == .gone)
    #expect(ProcAccess(errno: EACCES) == .denied)
  }

  @Test("is unknown if the daemon may not read descriptors or mappings, after three scans in a row")
  func denied() throws {
    let proc = ClusterFixture.temporaryFolder()
    defer { ClusterFixture.remove(proc) }
    for process: Int32 in [10, 11, 12] {
      try Self.makeProcess(process, in: proc, state: process == 11 ? "Z" : "S")
    }
    for process in [10, 11] { chmod("\(proc)/\(process)/task/\(process)/fd", 0) }
    try write("00400000-00401000 r--p 00000000 00:00 0 \n", to: "\(proc)/12/maps")
    chmod("\(proc)/12/maps", 0)
    func unknown(_ process: Int32, scans: Int) throws -> HeldUse.Unknown? {
      var held = HeldUse()
      for _ in 0..<scans {
        var next = try Machine.withFileAccess(of: 65_534) { Self.held([process], in: proc) }
        next.follow(held)
        held = next
      }
      return held.lastingUnknown
    }
    #expect(try unknown(10, scans: 2) == nil)
    #expect(try unknown(10, scans: 3) == .descriptors)
    #expect(try unknown(12, scans: 3) == .descriptors)
    // The kernel denies access to what a process had that has ended.
    #expect(try unknown(11, scans: 3) == nil)
  }

  @Test("is not unknown any more after a scan that could read everything")
  func readableAgain() {
    var denied = HeldUse()
    denied.add(.descriptors)
    var held = denied
    for _ in 0..<2 {
      var next = denied
      next.follow(held)
      held = next
    }
    #expect(held.lastingUnknown == .descriptors)
    var last = HeldUse()
    last.follow(held)
    #expect(last.lastingUnknown == nil)
    held = denied
    held.follow(last)
    #expect(held.lastingUnknown == nil)
  }

  @Test("reports memory as nearly full below a twentieth of its size")
  func nearlyFullMemory() throws {
    let proc = ClusterFixture.temporaryFolder()
    defer { ClusterFixture.remove(proc) }
    func use(available: Int) throws -> MachineUse {
      try write(
        "MemTotal:       2000000 kB\nMemAvailable:   \(available) kB\nShmem:  7 kB\n", to: "\(proc)/meminfo")
      return MachineUse(folders: [], proc: proc)
    }
    #expect(try !use(available: 100_000).isMemoryNearlyFull)
    #expect(try use(available: 99_999).isMemoryNearlyFull)
    #expect(try use(available: 1).shared == 7 << 10)
    #expect(!MachineUse(folders: [], proc: "\(proc)/none").isMemoryNearlyFull)
  }

  private func write(_ text: String, to path: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
  }
}
