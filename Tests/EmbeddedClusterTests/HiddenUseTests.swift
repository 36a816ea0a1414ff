import ClusterAPI
import FoundationEssentials
import Glibc
import Testing
import Values

@testable import EmbeddedCluster

/// A program that keeps memory or disk in use in places that neither a folder nor a process's main thread
/// shows.
struct HiddenUse: Sendable, CustomTestStringConvertible {
  enum Resource { case memory, disk, processes }

  var testDescription: String
  var resource: Resource
  var program: String

  private init(_ description: String, _ resource: Resource, _ program: String) {
    (testDescription, self.resource, self.program) = (description, resource, program)
  }

  private static let start = """
    import ctypes, mmap, os, platform, socket, threading, time
    libc = ctypes.CDLL(None)
    def endThread(): libc.syscall(60 if platform.machine() == "x86_64" else 93, 0)
    def deleted(size):
      file = os.open("/opt/gone", os.O_RDWR | os.O_CREAT)
      os.unlink("/opt/gone")
      for _ in range(size >> 20): os.write(file, b"x" * (1 << 20))
      return file

    """

  static let all = [
    HiddenUse(
      "memory of a process whose main thread has ended", .memory,
      """
      def keep():
        text = b"x" * (300 << 20)
        time.sleep(90)
      threading.Thread(target=keep).start()
      endThread()
      """),
    HiddenUse(
      "shared memory that is mapped by one page", .memory,
      """
      memory = mmap.mmap(-1, 300 << 20)
      for page in range(0, 300 << 20, 4096): memory[page] = 1
      memory.madvise(mmap.MADV_DONTNEED)
      address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
      libc.munmap(ctypes.c_void_p(address + 4096), ctypes.c_size_t((300 << 20) - 4096))
      time.sleep(90)
      """),
    HiddenUse(
      "sockets that were never accepted", .memory,
      """
      server = socket.socket(socket.AF_UNIX)
      server.bind("/tmp/socket")
      server.listen(4096)
      for _ in range(2000):
        client = socket.socket(socket.AF_UNIX)
        client.connect("/tmp/socket")
        client.send(b"x")
        client.close()
      time.sleep(90)
      """),
    HiddenUse(
      "a deleted file that one thread has open after the main thread has ended", .disk,
      """
      def keep():
        libc.unshare(0x400)
        file = deleted(40 << 20)
        time.sleep(90)
      threading.Thread(target=keep).start()
      endThread()
      """),
    HiddenUse(
      "a deleted file that only one of several threads has open", .disk,
      """
      def keep():
        libc.unshare(0x400)
        file = deleted(40 << 20)
        time.sleep(90)
      threading.Thread(target=keep).start()
      time.sleep(90)
      """),
    HiddenUse(
      "a deleted file that is mapped by one page", .disk,
      """
      kept = []
      for _ in range(30):
        file = deleted(40 << 20)
        kept.append(mmap.mmap(file, 4096))
        os.close(file)
        time.sleep(1)
      time.sleep(90)
      """),
    HiddenUse(
      "a deleted file that is mapped after the main thread has ended", .disk,
      """
      def keep():
        file = deleted(40 << 20)
        memory = mmap.mmap(file, 4096)
        os.close(file)
        time.sleep(90)
      threading.Thread(target=keep).start()
      endThread()
      """),
    HiddenUse(
      "deleted files that were sent and not received", .disk,
      """
      left, right = socket.socketpair()
      for _ in range(30):
        file = deleted(40 << 20)
        socket.send_fds(left, [b"x"], [file])
        os.close(file)
        time.sleep(1)
      time.sleep(90)
      """),
    HiddenUse(
      "deleted files that are being sent over a full socket", .disk,
      """
      for _ in range(30):
        left, right = socket.socketpair()
        left.setblocking(False)
        try:
          while True: left.send(b"x" * 4096)
        except BlockingIOError: left.setblocking(True)
        file = deleted(40 << 20)
        threading.Thread(target=socket.send_fds, args=(left, [b"x"], [file])).start()
        time.sleep(1)
        os.close(file)
      time.sleep(90)
      """),
    HiddenUse(
      "a deleted program that runs", .disk,
      """
      file = os.open("/opt/program", os.O_WRONLY | os.O_CREAT, 0o755)
      os.write(file, open("/bin/sleep", "rb").read())
      for _ in range(40): os.write(file, b"x" * (1 << 20))
      os.close(file)
      os.posix_spawn("/opt/program", ["sleep", "90"], os.environ)
      os.unlink("/opt/program")
      time.sleep(90)
      """),
  ].map { HiddenUse($0.testDescription, $0.resource, start + $0.program) }
}

@Suite(
  "Hidden memory and disk use of a script",
  .enabled(
    if: Machine.hasBubblewrap && access("/usr/bin/python3", X_OK) == 0, "bubblewrap or python3 is missing"))
struct HiddenUseTests {
  @Test("is counted, and ends the script with a reason", arguments: HiddenUse.all)
  func isCounted(_ hidden: HiddenUse) async throws {
    var options = EmbeddedCluster.Options()
    options.limits.totalMemory = 200 << 20
    options.limits.totalDisk = 20 << 20
    try await World.with(sandbox: .bubblewrap, options: options) { world in
      _ = try await world.cluster.create(World.set("web", replicas: 1))
      await world.cluster.settle()
      let request = ExecRequest(command: ["/usr/bin/python3", "-c", hidden.program])
      do throws(APIError) {
        let result = try await world.cluster.exec(World.name("web-0"), request)
        Issue.record("exit \(result.exitCode): \(result.err)")
      } catch {
        #expect(error.kind == .limitExceeded, "\(error)")
        let name = hidden.resource == .memory ? "scripts.memory" : "scripts.disk"
        #expect(error.message.contains(name), "\(error)")
      }
    }
  }

  @Test("is prevented for system calls that keep memory in the kernel, and for larger socket queues")
  func kernelMemory() async throws {
    let program = """
      import ctypes, errno, os, platform, socket
      libc = ctypes.CDLL(None, use_errno=True)
      isX86 = platform.machine() == "x86_64"
      def call(name, x86, arm, *arguments):
        result = libc.syscall(x86 if isX86 else arm, *arguments)
        print(name, "works" if result >= 0 else errno.errorcode[ctypes.get_errno()])
      call("vmsplice", 278, 75, 1, 0, 0, 0)
      call("io_setup", 206, 0, 1, ctypes.byref(ctypes.c_ulong(0)))
      call("msgget", 68, 186, 0, 0o600)
      call("semget of 64", 64, 190, 0, 64, 0o600)
      call("semget of 65", 64, 190, 0, 65, 0o600)
      left, right = socket.socketpair()
      before = left.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
      for option in [socket.SO_SNDBUF, socket.SO_RCVBUF, 32, 33]: left.setsockopt(socket.SOL_SOCKET, option, 1 << 24)
      print("queue", "as before" if left.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == before else "larger")
      left.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
      print("other option", left.getsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED))
      """
    try await World.with(sandbox: .bubblewrap) { world in
      _ = try await world.cluster.create(World.set("web", replicas: 1))
      await world.cluster.settle()
      let request = ExecRequest(command: ["/usr/bin/python3", "-c", program])
      let result = try await world.cluster.exec(World.name("web-0"), request)
      #expect(
        result.out == """
          vmsplice ENOSYS
          io_setup ENOSYS
          msgget ENOSYS
          semget of 64 works
          semget of 65 ENOSYS
          queue as before
          other option 1

          """, "\(result.err)")
    }
  }
}

@Suite("Resource use of processes")
struct HeldFilesTests {
  @Test("is read from another thread if the main thread has ended")
  func mainThreadEnded() throws {
    let proc = World.temporaryFolder()
    defer { World.remove(proc) }
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
    let proc = World.temporaryFolder()
    defer { World.remove(proc) }
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
    #expect(use.excess == .unknownDisk(limit: 100))
    #expect(DiskUse(limit: 100, depth: 9, bytes: 101).excess == .disk(limit: 100))
  }

  private func write(_ text: String, to path: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
  }
}
