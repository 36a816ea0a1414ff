/// Refuses system calls that a script could misuse. They fail as on a kernel without them (`ENOSYS`, and
/// `EAFNOSUPPORT` for a family of sockets).
///
/// - Memory that is not attributed to any process: anonymous files, System V shared memory, messages and large
///   sets of semaphores, io_uring and its predecessor, BPF maps, pages given to a pipe, the events that fanotify
///   queues. Landlock rulesets: they keep rules without a limit, and the inodes of deleted files.
/// - Larger queues of sockets. Such a request has no effect, and does not fail: it is a hint.
/// - Control over another process, such as bubblewrap's first process in the sandbox: ptrace and its relatives.
///   `/proc/<pid>/mem` stays, so nothing outside the sandbox relies on that process.
/// - What no namespace separates: the keys of the user that started the daemon, which scripts would share; the
///   kernel's log; sockets of families that have no network namespace, such as AF_VSOCK to the machine's host.
/// - Page faults that another process handles (userfaultfd): they can block the kernel for any time.
///
/// A program in classic BPF, as bubblewrap reads it: an array of `struct sock_filter`.
/// Source: Linux, `Documentation/userspace-api/seccomp_filter.rst` and the system call tables of each
/// architecture.
enum SystemCallFilter {
  /// The numbers of one architecture's system calls.
  private struct Calls {
    /// `AUDIT_ARCH_…`
    var architecture: UInt32
    /// memfd_create, memfd_secret, bpf, io_uring_setup, io_setup, vmsplice, fanotify_init, msgget; and the calls
    /// whose arguments cannot be checked: shmget, ipc, socketcall.
    var hiddenMemory: [UInt32]
    /// ptrace, process_vm_readv, process_vm_writev, pidfd_getfd, kcmp.
    var otherProcesses: [UInt32]
    /// The numbers of add_key, request_key, keyctl, syslog and userfaultfd.
    var kernel: [UInt32]
    /// socket, socketpair, refused for other families than `families`.
    var sockets: [UInt32]
    /// shmget, refused for sizes above `sharedMemory`; nil if it is always refused.
    var shmget: UInt32?
    /// semget, refused for more than `semaphores`.
    var semget: UInt32
    /// setsockopt, without effect for the sizes of queues.
    var setsockopt: UInt32
  }

  private static let tables = [
    // x86_64
    Calls(
      architecture: 0xC000_003E, hiddenMemory: [319, 447, 321, 425, 206, 278, 300, 68],
      otherProcesses: [101, 310, 311, 438, 312], kernel: [248, 249, 250, 103, 323], sockets: [41, 53],
      shmget: 29, semget: 64, setsockopt: 54),
    // i386
    Calls(
      architecture: 0x4000_0003, hiddenMemory: [356, 447, 357, 425, 245, 316, 338, 399, 395, 117, 102],
      otherProcesses: [26, 347, 348, 438, 349], kernel: [286, 287, 288, 103, 374], sockets: [359, 360],
      semget: 393, setsockopt: 366),
    // aarch64
    Calls(
      architecture: 0xC000_00B7, hiddenMemory: [279, 447, 280, 425, 0, 75, 262, 186],
      otherProcesses: [117, 270, 271, 438, 272], kernel: [217, 218, 219, 116, 282], sockets: [198, 199],
      shmget: 194, semget: 190, setsockopt: 208),
    // arm
    Calls(
      architecture: 0x4000_0028, hiddenMemory: [385, 447, 386, 425, 243, 343, 367, 303, 307],
      otherProcesses: [26, 376, 377, 438, 378], kernel: [309, 310, 311, 103, 388], sockets: [281, 288],
      semget: 299, setsockopt: 294),
  ]

  /// landlock_create_ruleset, landlock_add_rule, landlock_restrict_self, on all architectures. Programs use them
  /// only where the kernel has them.
  private static let landlock: [UInt32] = [444, 445, 446]
  /// AF_UNIX, AF_INET, AF_INET6, AF_NETLINK: the families that a script needs, all of which are separated by its
  /// network namespace or file system.
  private static let families: [UInt32] = [1, 2, 10, 16]

  /// The largest segment of shared memory, in bytes: databases need a small one. A sandbox has at most 4096 of
  /// them.
  private static let sharedMemory: UInt32 = 64 << 10
  /// The largest set of semaphores: databases use sets of some twenty. A sandbox has at most 32,000 sets, and a
  /// semaphore takes 64 bytes.
  private static let semaphores: UInt32 = 64
  /// SOL_SOCKET, and SO_SNDBUF, SO_RCVBUF, SO_SNDBUFFORCE, SO_RCVBUFFORCE.
  private static let (socketLevel, queueSizes): (UInt32, [UInt32]) = (1, [7, 8, 32, 33])
  /// This bit is set in calls of the x32 ABI, which no Debian kernel supports.
  private static let x32: UInt32 = 0x4000_0000

  static let bytes: [UInt8] = program.flatMap(\.bytes)

  private struct Instruction {
    var code: UInt16
    var ifTrue: UInt8 = 0
    var ifFalse: UInt8 = 0
    var value: UInt32

    /// In little-endian order, which all architectures in the table use.
    var bytes: [UInt8] {
      [UInt8(truncatingIfNeeded: code), UInt8(truncatingIfNeeded: code >> 8), ifTrue, ifFalse]
        + (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }

    /// Loads a word of `struct seccomp_data`.
    static func load(_ offset: UInt32) -> Instruction { Instruction(code: 0x20, value: offset) }
    static func result(_ value: UInt32) -> Instruction { Instruction(code: 0x06, value: value) }
    static let allow = result(0x7FFF_0000)
    /// `SECCOMP_RET_ERRNO` with `ENOSYS`.
    static let refuse = result(0x0005_0000 | 38)
    /// `SECCOMP_RET_ERRNO` with `EAFNOSUPPORT`.
    static let refuseFamily = result(0x0005_0000 | 97)
    /// `SECCOMP_RET_ERRNO` with the number 0: the call does nothing and returns 0.
    static let ignore = result(0x0005_0000)
    /// Skips a number of instructions unless the loaded word equals the value.
    static func unless(equal value: UInt32, skip: UInt8) -> Instruction {
      Instruction(code: 0x15, ifFalse: skip, value: value)
    }
    static func unless(above value: UInt32, skip: UInt8) -> Instruction {
      Instruction(code: 0x25, ifFalse: skip, value: value)
    }
  }

  private static let numberOffset: UInt32 = 0
  private static let architectureOffset: UInt32 = 4
  /// The low half of the first argument, both halves of the second, and the low half of the third.
  private static let firstOffset: UInt32 = 16
  private static let secondOffset: (low: UInt32, high: UInt32) = (24, 28)
  private static let thirdOffset: UInt32 = 32

  private static let program: [Instruction] = {
    var program = [Instruction.load(architectureOffset)]
    for table in tables {
      let body = body(table)
      program += [.unless(equal: table.architecture, skip: UInt8(body.count))] + body
    }
    return program + [.allow]
  }()

  private static func body(_ table: Calls) -> [Instruction] {
    var body = [Instruction.load(numberOffset)]
    if table.architecture == 0xC000_003E { body += [.unless(above: x32 - 1, skip: 1), .refuse] }
    for call in table.hiddenMemory + table.otherProcesses + table.kernel + landlock {
      body += [.unless(equal: call, skip: 1), .refuse]
    }
    if let shmget = table.shmget {
      body += checks(
        of: shmget,
        [
          .load(secondOffset.high), .unless(above: 0, skip: 1), .refuse, .load(secondOffset.low),
          .unless(above: sharedMemory, skip: 1), .refuse,
        ])
    }
    body += checks(
      of: table.semget, [.load(secondOffset.low), .unless(above: semaphores, skip: 1), .refuse])
    for call in table.sockets {
      // The kernel ignores the high half of the family, which is an `int`.
      let allowed = families.flatMap { [Instruction.unless(equal: $0, skip: 1), .allow] }
      body += checks(of: call, [.load(firstOffset)] + allowed + [.refuseFamily])
    }
    body += checks(
      of: table.setsockopt,
      [
        .load(secondOffset.low), .unless(equal: socketLevel, skip: UInt8(1 + 2 * queueSizes.count)),
        .load(thirdOffset),
      ]
        + queueSizes.flatMap { [.unless(equal: $0, skip: 1), .ignore] })
    return body + [.allow]
  }

  /// The check of one system call, whose number is loaded before. The call is allowed unless one of the instructions
  /// returns another result.
  private static func checks(of call: UInt32, _ instructions: [Instruction]) -> [Instruction] {
    [.unless(equal: call, skip: UInt8(instructions.count + 1))] + instructions + [.allow]
  }
}
