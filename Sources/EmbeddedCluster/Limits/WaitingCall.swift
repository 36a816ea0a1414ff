/// A system call in which a thread waits, from `/proc/<pid>/syscall`.
///
/// The kernel keeps the call's files until it returns, also after another thread has closed their descriptors.
struct WaitingCall: Sendable, Hashable {
  private var number: Int
  private var arguments: [UInt64]

  /// - Parameter line: the call's number and its arguments. Nil if the thread waits in no call.
  init?(_ line: String) {
    let fields = line.split { $0 == " " || $0 == "\n" }
    guard fields.count > 6, let number = Int(fields[0]) else { return nil }
    self.number = number
    arguments = fields[1...6].map { UInt64($0.dropFirst(2), radix: 16) ?? 0 }
  }

  /// Whether the call may keep a file open that has no descriptor any more.
  ///
  /// - Parameter isOpen: whether the thread has a descriptor.
  func keepsUnknown(_ isOpen: (Int32) -> Bool) -> Bool {
    guard let files = Self.calls[number] else { return false }
    // The arguments of a call that sends descriptors do not show which.
    return files.isEmpty || !files.allSatisfy { isOpen(Int32(truncatingIfNeeded: arguments[$0])) }
  }

  /// The calls that can wait for another process, and which of their arguments are descriptors.
  private static let calls: [Int: [Int]] = {
    #if arch(arm64)
      // sendmsg, sendmmsg, sendfile, splice, flock, fcntl; then those of 32-bit processes.
      [
        211: [], 269: [], 71: [0, 1], 76: [0, 2], 32: [0], 25: [0], 296: [], 374: [], 187: [0, 1],
        239: [0, 1],
        340: [0, 2], 143: [0], 221: [0],
      ]
    #elseif arch(x86_64)
      [
        46: [], 307: [], 40: [0, 1], 275: [0, 2], 73: [0], 72: [0], 370: [], 345: [], 187: [0, 1],
        239: [0, 1],
        313: [0, 2], 143: [0], 221: [0],
      ]
    #else
      [:]
    #endif
  }()
}
