import Glibc

/// How much disk and shared memory the whole machine uses, in bytes.
///
/// The growth since a command's start is an upper bound for what the command holds in files whose size cannot be
/// read; see `HeldUse`.
struct MachineUse: Sendable, Hashable {
  private(set) var disk = 0
  private(set) var shared = 0
  /// Whether one of the file systems has almost no space left.
  private(set) var isNearlyFull = false

  /// At most this much is kept free, and at most a twentieth of a file system.
  private static let reserve = 4 << 30

  /// - Parameters:
  ///   - folders: their file systems are measured.
  ///   - proc: the path of the proc file system.
  init(folders: [String], proc: String) {
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
    for line in (FileText.read("\(proc)/meminfo") ?? "").split(separator: "\n") where line.hasPrefix("Shmem:")
    {
      shared = (line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) << 10
    }
  }

  /// Some file systems report an unlimited size.
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
