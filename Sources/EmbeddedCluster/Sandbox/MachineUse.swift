import Glibc

/// How much disk and shared memory the whole machine uses, in bytes.
///
/// The growth since a command's start is an upper bound for what the command holds in files whose size cannot be
/// read; see `HeldUse`.
struct MachineUse: Sendable, Hashable {
  private(set) var disk = 0
  private(set) var shared = 0

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
      disk +=
        Int(clamping: system.f_blocks - min(system.f_blocks, system.f_bfree)) * Int(clamping: system.f_frsize)
    }
    for line in (FileText.read("\(proc)/meminfo") ?? "").split(separator: "\n") where line.hasPrefix("Shmem:")
    {
      shared = (line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) << 10
    }
  }

  init(disk: Int, shared: Int) { (self.disk, self.shared) = (disk, shared) }
}
