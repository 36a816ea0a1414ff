import Glibc

/// The kernel's memory for connections and sockets of a process's network namespace that have no descriptor, from
/// `/proc/<pid>/net`.
struct NetworkUse {
  /// In bytes.
  private(set) var memory = 0
  /// Whether there are sockets that no process has open: sockets that were sent over another socket and not received
  /// yet.
  private(set) var hasUnreceived = false
  /// The number of sockets that were read.
  private(set) var lines = 0

  /// The size of the queues at both ends of a socket: scripts cannot change the default.
  static let queues = max(
    416 << 10,
    2 * (FileText.read("/proc/sys/net/core/wmem_default").flatMap { Int($0.prefix { $0 != "\n" }) } ?? 0))

  /// - Parameters:
  ///   - process: the process's folder in `/proc`.
  ///   - open: the inodes of sockets that processes have open.
  ///   - limit: reading stops when it is above this number of sockets.
  init(of process: String, open: Set<UInt64>, limit: Int) {
    let space = UInt8(ascii: " ")
    var isTitle = true
    LineReader.forEachLine("\(process)/net/unix") { line in
      defer { isTitle = false }
      lines += 1
      // Address, references, protocol, flags, type, state, inode, path.
      let fields = line.split(separator: space, maxSplits: 7)
      if !isTitle, fields.count > 6, let inode = UInt64(String(decoding: fields[6], as: UTF8.self)),
        !open.contains(inode)
      {
        hasUnreceived = true
        memory += Self.queues
      }
      return lines <= limit
    }
    for (file, version) in [("tcp", ""), ("tcp6", "6"), ("udp", ""), ("udp6", "6")]
    where Self.hasSockets(process, file, version) {
      LineReader.forEachLine("\(process)/net/\(file)") { line in
        lines += 1
        // Number, two addresses, state, both queues.
        let fields = line.split(separator: space, maxSplits: 5)
        for queue in fields.count > 4 ? fields[4].split(separator: UInt8(ascii: ":")) : [] {
          // A queue's memory can be twice as large as its content.
          memory += 2 * (Int(String(decoding: queue, as: UTF8.self), radix: 16) ?? 0)
        }
        return lines <= limit
      }
    }
  }

  /// Whether a network namespace has such sockets. Checked first, because the kernel takes some milliseconds to list
  /// them.
  private static func hasSockets(_ process: String, _ file: String, _ version: String) -> Bool {
    let name = "\(file.uppercased()): inuse "
    return (FileText.read("\(process)/net/sockstat\(version)") ?? "").split(separator: "\n").contains {
      line in
      line.hasPrefix(name) && !line.dropFirst(name.count).hasPrefix("0")
    }
  }
}
