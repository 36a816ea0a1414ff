import Glibc

/// How much disk and shared memory the whole machine uses, in bytes.
///
/// The growth since a command's start is an upper bound for the command's files whose size cannot be read; see
/// `HeldUse`.
struct MachineUse: Sendable, Hashable {
  private(set) var disk = 0
  private(set) var shared = 0
  /// Whether one of the file systems has almost no space left.
  private(set) var isNearlyFull = false
  /// Whether the machine has almost no memory left.
  private(set) var isMemoryNearlyFull = false

  /// The free space below which a file system, or the memory, counts as nearly full: this size in bytes or a
  /// twentieth, whichever is smaller.
  private static let (reserve, memoryReserve) = (4 << 30, 1 << 30)

  static let none = MachineUse()

  private init() {}

  /// - Parameters:
  ///   - folders: their file systems are measured.
  ///   - proc: the path of the proc file system.
  init(folders: [String], proc: String) {
    self.init(disksOf: folders)
    let memory = Self.memory(FileText.read("\(proc)/meminfo") ?? "")
    shared = memory["Shmem"] ?? 0
    if let size = memory["MemTotal"], let available = memory["MemAvailable"] {
      isMemoryNearlyFull = available < min(Self.memoryReserve, size / 20)
    }
  }

  /// Measures only the file systems of some folders.
  init(disksOf folders: [String]) {
    var devices: Set<UInt64> = []
    for folder in folders {
      var (info, system) = (stat(), statvfs())
      guard stat(folder, &info) == 0, devices.insert(UInt64(info.st_dev)).inserted,
        statvfs(folder, &system) == 0
      else { continue }
      let block = Int(clamping: system.f_frsize)
      let (size, free) = (Int(clamping: system.f_blocks), Int(clamping: min(system.f_blocks, system.f_bfree)))
      disk = Self.sum(disk, Self.product(size - free, block))
      let available = Self.product(Int(clamping: system.f_bavail), block)
      isNearlyFull = isNearlyFull || Self.isNearlyFull(size: Self.product(size, block), available: available)
    }
  }

  /// Reads proc(5), `/proc/meminfo`. Sizes are in bytes.
  private static func memory(_ text: String) -> [Substring: Int] {
    var sizes: [Substring: Int] = [:]
    for line in text.split(separator: "\n") {
      let fields = line.split { $0 == " " || $0 == ":" }
      guard fields.count > 1, let kibibytes = Int(fields[1]), kibibytes >= 0 else { continue }
      sizes[fields[0]] = product(kibibytes, 1024)
    }
    return sizes
  }

  /// The product, at most `Int.max`, because some file systems report an unlimited size.
  private static func product(_ a: Int, _ b: Int) -> Int {
    let (result, overflow) = a.multipliedReportingOverflow(by: b)
    return overflow ? Int.max : result
  }

  private static func sum(_ a: Int, _ b: Int) -> Int {
    let (result, overflow) = a.addingReportingOverflow(b)
    return overflow ? Int.max : result
  }

  static func isNearlyFull(size: Int, available: Int) -> Bool { available < min(reserve, size / 20) }
}
