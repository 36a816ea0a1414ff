/// The memory and disk space that processes use and that no folder shows: deleted files, shared memory, sockets and
/// pipes. Sizes are in bytes.
struct HeldUse: Sendable, Hashable {
  /// Why the processes may use more than was counted.
  enum Unknown: Sendable, Hashable {
    /// The processes map deleted files or shared memory whose size this user may not read.
    case sizes
    /// This user may not read their descriptors, mappings or system calls.
    case descriptors
    /// The processes sent descriptors over a socket that were not received yet, or wait in a system call that keeps a
    /// closed file.
    case unreceived

    /// The number of consecutive scans that must find the reason. A single scan may find a connection that is about
    /// to be accepted, a call that is about to return, or a process that is about to end.
    fileprivate var requiredScans: Int {
      switch self {
      case .sizes: 1
      case .descriptors, .unreceived: 3
      }
    }

    fileprivate static let byWeight = [descriptors, sizes, unreceived]
  }

  /// The kernel's memory for the queues of sockets and pipes, for locks and watches, and for descriptions of mappings.
  var memory = 0
  /// Shared memory objects, deleted files of a file system in memory, and file systems for shared memory.
  var shared = 0
  /// Deleted files.
  var disk = 0
  /// The number of threads, descriptors, locks, watches, mappings and sockets that were counted.
  var handles = 0
  /// The number of descriptors that were read. Threads that share a table of descriptors show each of them again.
  var visits = 0
  /// The number of consecutive scans that found each reason.
  private var unknown: [Unknown: Int] = [:]

  /// Whether there are more handles than are allowed, or too many descriptors to read.
  func exceeds(handles limit: Int) -> Bool {
    handles > limit || visits > limit * Self.visitsPerHandle
  }

  /// The maximum number of descriptors that are read for each allowed handle. Reading more takes too long, but does
  /// not mean that the processes exceed the limit.
  private static let visitsPerHandle = 10

  /// Records that the processes may use more than was counted.
  mutating func add(_ reason: Unknown) { unknown[reason] = 1 }

  /// Continues the counts of consecutive scans from the previous scan, for the reasons that both found.
  mutating func follow(_ previous: HeldUse) {
    for reason in unknown.keys { unknown[reason, default: 0] += previous.unknown[reason] ?? 0 }
  }

  /// Why the processes use more than was counted: a reason that enough consecutive scans found; nil if there is none.
  var lastingUnknown: Unknown? {
    Unknown.byWeight.first { unknown[$0, default: 0] >= $0.requiredScans }
  }
}
