import Glibc

/// Open files of processes, each once, however many descriptors refer to it.
///
/// All inotify descriptors have the same device and inode, so only kcmp(2) shows which of them are the same file: those
/// that threads share, that a process inherited, or that were duplicated.
struct OpenFileSet {
  struct Member {
    /// A thread that has the file open, and the number of its descriptor.
    var thread: Int32
    var descriptor: Int32
  }

  /// In the kernel's order of open files.
  private var members: [Member] = []

  /// Adds a file.
  /// - Returns: whether it is a new one; nil if the kernel does not compare it.
  mutating func insert(_ member: Member) -> Bool? {
    var (lower, upper) = (0, members.count)
    while lower < upper {
      let middle = (lower + upper) / 2
      switch Self.compare(member, members[middle]) {
      case 0: return false
      case 1: upper = middle
      case 2: lower = middle + 1
      default: return nil
      }
    }
    members.insert(member, at: lower)
    return true
  }

  #if arch(x86_64)
    private static let kcmp = 312
  #else
    private static let kcmp = 272
  #endif

  /// Swift does not import C functions with a variable number of arguments.
  private static let call = dlsym(nil, "syscall").map {
    unsafeBitCast($0, to: (@convention(c) (Int, Int, Int, Int, Int, Int) -> Int).self)
  }

  /// - Returns: 0 if both are the same file, 1 or 2 if the first one is before or after the second one, otherwise
  ///   another number.
  private static func compare(_ first: Member, _ second: Member) -> Int {
    // KCMP_FILE
    call?(kcmp, Int(first.thread), Int(second.thread), 0, Int(first.descriptor), Int(second.descriptor)) ?? -1
  }
}
