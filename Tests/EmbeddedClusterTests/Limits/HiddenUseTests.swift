import ClusterAPI
import FoundationEssentials
import Glibc
import Testing
import Values

@testable import EmbeddedCluster

/// A program that keeps memory or disk in use in places that neither a folder nor a process's main thread
/// shows.
struct HiddenUse: Sendable, CustomTestStringConvertible {
  /// The limit that the program exceeds, as a part of the reason.
  enum Resource: String {
    case memory = "scripts.memory"
    case disk = "scripts.disk"
    case handles = "memory mappings"
  }

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
      "files in the folder of shared memory", .memory,
      """
      with open("/dev/shm/file", "wb") as file:
        for _ in range(300): file.write(b"x" * (1 << 20))
      time.sleep(90)
      """),
    HiddenUse(
      "empty files in the folder of shared memory", .memory,
      """
      for number in range(150000): open(f"/dev/shm/{number}", "w").close()
      time.sleep(90)
      """),
    HiddenUse(
      "locks of parts of files", .handles,
      """
      import fcntl
      files = [open(f"/opt/file{number}", "w") for number in range(10)]
      for file in files:
        for start in range(0, 6000, 2): fcntl.lockf(file, fcntl.LOCK_EX, 1, start)
      time.sleep(90)
      """),
    HiddenUse(
      "events that wait for inotify descriptors", .memory,
      """
      kept = [libc.inotify_init1(0) for _ in range(50)]
      time.sleep(90)
      """),
    HiddenUse(
      "events that wait for inotify descriptors with the same number in several threads", .memory,
      """
      def keep():
        libc.unshare(0x400)
        libc.inotify_init1(0)
        time.sleep(90)
      for _ in range(50): threading.Thread(target=keep).start()
      time.sleep(90)
      """),
    HiddenUse(
      "many mappings in several processes", .handles,
      """
      for _ in range(3): os.fork()
      # The kernel joins neighbours only if their access is the same.
      private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
      access = [mmap.PROT_READ, mmap.PROT_READ | mmap.PROT_WRITE]
      kept = [mmap.mmap(-1, 4096, private, access[number % 2]) for number in range(3000)]
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
    options.limits.sharedMemory = 400 << 20
    options.limits.handles = 20_000
    try await ClusterFixture.with(sandbox: .bubblewrap, options: options) { fixture in
      _ = try await fixture.cluster.create(ClusterFixture.set("web", replicas: 1))
      await fixture.cluster.settle()
      let request = ExecRequest(command: ["/usr/bin/python3", "-c", hidden.program])
      do throws(APIError) {
        let result = try await fixture.cluster.exec(ClusterFixture.name("web-0"), request)
        Issue.record("exit \(result.exitCode): \(result.err)")
      } catch {
        #expect(error.kind == .limitExceeded, "\(error)")
        #expect(error.message.contains(hidden.resource.rawValue), "\(error)")
      }
    }
  }

  @Test("counts an inotify descriptor once if many processes inherited or duplicated it")
  func inheritedNotifier() async throws {
    let program = """
      import ctypes, os, time
      file = ctypes.CDLL(None).inotify_init1(0)
      for _ in range(5): os.fork()
      for _ in range(5): os.dup(file)
      time.sleep(3)
      """
    try await ClusterFixture.with(sandbox: .bubblewrap) { fixture in
      _ = try await fixture.cluster.create(ClusterFixture.set("web", replicas: 1))
      await fixture.cluster.settle()
      let request = ExecRequest(command: ["/usr/bin/python3", "-c", program])
      let result = try await fixture.cluster.exec(ClusterFixture.name("web-0"), request)
      #expect(result.exitCode == 0, "\(result.err)")
    }
  }

  @Test("is prevented for system calls that keep memory in the kernel, and for larger socket queues")
  func kernelMemory() async throws {
    let program = """
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
    try await SystemCallProgram.run(program) { result in
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
