/// Refuses system calls that a script could misuse. They fail as on a kernel without them (`ENOSYS`).
///
/// - Memory that is not attributed to any process: anonymous files, System V shared memory, io_uring, BPF maps.
/// - Control over another process, such as bubblewrap's first process in the sandbox: ptrace and its relatives.
///   `/proc/<pid>/mem` stays, so nothing outside the sandbox relies on that process.
///
/// A program in classic BPF, as bubblewrap reads it: an array of `struct sock_filter`.
/// Source: Linux, `Documentation/userspace-api/seccomp_filter.rst` and the system call tables of each
/// architecture.
enum SystemCallFilter {
  /// The numbers of one architecture's system calls.
  private struct Calls {
    /// `AUDIT_ARCH_…`
    var architecture: UInt32
    /// memfd_create, memfd_secret, bpf, io_uring_setup; and the calls that create shared memory, where sizes
    /// cannot be checked.
    var hiddenMemory: [UInt32]
    /// ptrace, process_vm_readv, process_vm_writev, pidfd_getfd.
    var otherProcesses: [UInt32]
    /// shmget, refused for sizes above `sharedMemory`; nil if it is always refused.
    var shmget: UInt32?
  }

  private static let tables = [
    // x86_64
    Calls(
      architecture: 0xC000_003E, hiddenMemory: [319, 447, 321, 425], otherProcesses: [101, 310, 311, 438],
      shmget: 29),
    // i386
    Calls(
      architecture: 0x4000_0003, hiddenMemory: [356, 447, 357, 425, 395, 117],
      otherProcesses: [26, 347, 348, 438]),
    // aarch64
    Calls(
      architecture: 0xC000_00B7, hiddenMemory: [279, 447, 280, 425], otherProcesses: [117, 270, 271, 438],
      shmget: 194),
    // arm
    Calls(
      architecture: 0x4000_0028, hiddenMemory: [385, 447, 386, 425, 307],
      otherProcesses: [26, 376, 377, 438]),
  ]

  /// The largest segment of shared memory, in bytes: databases need a small one. A sandbox has at most 4096 of
  /// them.
  private static let sharedMemory: UInt32 = 64 << 10
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
  /// The low and the high half of the second argument.
  private static let sizeOffset: (low: UInt32, high: UInt32) = (24, 28)

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
    for call in table.hiddenMemory + table.otherProcesses {
      body += [.unless(equal: call, skip: 1), .refuse]
    }
    if let shmget = table.shmget {
      let sizes: [Instruction] = [
        .load(sizeOffset.high), .unless(above: 0, skip: 1), .refuse, .load(sizeOffset.low),
        .unless(above: sharedMemory, skip: 1), .refuse,
      ]
      body += [.unless(equal: shmget, skip: UInt8(sizes.count))] + sizes
    }
    return body + [.allow]
  }
}
