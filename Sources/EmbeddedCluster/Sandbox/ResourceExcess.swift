/// The resource limit that a command exceeded.
enum ResourceExcess: Sendable, Hashable, CustomStringConvertible {
  /// - Parameter used: in bytes; nil if the kernel ended the command at the limit.
  case memory(used: Int?, limit: Int)
  case disk(limit: Int)
  /// Deleted files whose size cannot be read, on a disk that filled up meanwhile.
  case unknownDisk(limit: Int)
  /// Folders are nested too deeply for their files to be counted.
  case depth(limit: Int)
  case processes(limit: Int)
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
    case .unknownDisk(let limit):
      "the disk's use has grown since its start by what, with the pod's files, is more than the "
        + "\(Self.words(limit)) of disk that are allowed (scripts.disk), and it may keep deleted files whose size cannot "
        + "be read; keep none mapped or unreceived on a socket, and see that the disk has space left"
    case .depth(let limit):
      "the pod has folders that are more than \(limit) deep, whose size cannot be watched; remove them"
    case .processes(let limit): "it ran more than the \(limit) processes at once that are allowed"
    case .time(let limit): "the command had not ended within \(limit) and was killed"
    }
  }

  /// Formats a size, for example `1.5 GiB`.
  private static func words(_ bytes: Int) -> String {
    let (unit, name) = bytes >= 1 << 30 ? (1 << 30, "GiB") : (1 << 20, "MiB")
    let tenths = bytes / (unit / 10)
    return tenths.isMultiple(of: 10) ? "\(tenths / 10) \(name)" : "\(tenths / 10).\(tenths % 10) \(name)"
  }
}
