/// The resource limit that a command exceeded.
enum ResourceExcess: Sendable, Hashable, CustomStringConvertible {
  /// - Parameter used: in bytes; nil if the kernel ended the command at the limit.
  case memory(used: Int?, limit: Int)
  /// Shared memory whose size cannot be read, on a machine whose shared memory grew meanwhile.
  case unknownMemory(limit: Int, HeldUse.Unknown?)
  case disk(limit: Int)
  /// Deleted files whose size cannot be read, on a disk that filled up meanwhile.
  case unknownDisk(limit: Int, HeldUse.Unknown?)
  /// Folders are nested too deeply for their files to be counted.
  case depth(limit: Int)
  case processes(limit: Int)
  /// Descriptors, locks, watches, mappings, sockets and threads, which take too long to count.
  case handles(limit: Int)
  case time(limit: Duration)

  var description: String {
    switch self {
    case .memory(let used?, let limit):
      "its processes together used \(Self.words(used)) of memory; \(Self.words(limit)) are allowed (scripts.memory)"
    case .memory(nil, let limit):
      "its processes together reached the \(Self.words(limit)) of memory that are allowed (scripts.memory)"
    case .disk(let limit):
      "the pod's files and volumes take more than the \(Self.words(limit)) of disk that are allowed "
        + "(scripts.disk); remove files, or have the limit raised"
    case .unknownDisk(let limit, let unknown):
      "the disk's use has grown since its start by what, with the pod's files, is more than the "
        + "\(Self.words(limit)) of disk that are allowed (scripts.disk), and it may keep deleted files whose size cannot "
        + "be read; \(Self.advice(unknown)), and see that the disk has space left"
    case .unknownMemory(let limit, let unknown):
      "the machine's shared memory has grown since its start by what, with its processes' memory, is more than the "
        + "\(Self.words(limit)) of memory that are allowed (scripts.memory), and it may keep shared memory whose size "
        + "cannot be read; \(Self.advice(unknown)), and see that the machine has memory left"
    case .depth(let limit):
      "the pod has folders that are more than \(limit) deep, whose size cannot be watched; remove them"
    case .processes(let limit): "it ran more than the \(limit) processes at once that are allowed"
    case .handles(let limit):
      "its processes together have more than \(limit) open files, memory mappings, sockets, file locks and watched files, "
        + "too many to be counted in time; use fewer at once"
    case .time(let limit): "the command had not ended within \(limit) and was killed"
    }
  }

  /// Advice for files and memory whose size cannot be read.
  private static func advice(_ unknown: HeldUse.Unknown?) -> String {
    switch unknown {
    case .descriptors:
      "start kdops with CAP_SYS_PTRACE or as another user than root, so that it may read what scripts have open"
    case .sizes, .unreceived, nil: "keep none mapped or unreceived on a socket"
    }
  }

  /// Formats a size, for example `1.5 GiB`.
  private static func words(_ bytes: Int) -> String {
    let (unit, name) = bytes >= 1 << 30 ? (1 << 30, "GiB") : (1 << 20, "MiB")
    let tenths = bytes / (unit / 10)
    return tenths.isMultiple(of: 10) ? "\(tenths / 10) \(name)" : "\(tenths / 10).\(tenths % 10) \(name)"
  }
}
