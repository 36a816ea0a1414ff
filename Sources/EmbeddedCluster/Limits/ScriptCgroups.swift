import FoundationEssentials
import Glibc

/// The reason why cgroup v2 cannot limit scripts on this machine.
public struct CgroupLack: Error, Sendable, Hashable, CustomStringConvertible {
  public var description: String
}

/// A parent cgroup (v2) in which each script gets its own cgroup, so that the kernel limits the script's
/// processes together, even while no daemon runs.
///
/// Source: Linux, `Documentation/admin-guide/cgroup-v2.rst`.
public struct ScriptCgroups: Sendable, Hashable {
  public let folder: String

  private static let daemonLeaf = "kdops-daemon"
  private static let prefix = "kdops-run-"

  /// Prepares the cgroup of this process, or of its systemd unit, for scripts.
  ///
  /// A cgroup that contains processes cannot limit its children, so this process moves to its own child cgroup
  /// if necessary.
  public static func prepare() throws(CgroupLack) -> ScriptCgroups {
    try prepare(proc: "/proc/self", process: getpid())
  }

  static func prepare(proc: String, process: Int32) throws(CgroupLack) -> ScriptCgroups {
    let own = try ownFolder(proc)
    let parent = own.lastIndex(of: "/").map { String(own[..<$0]) } ?? ""
    // `DelegateSubgroup=` puts the daemon into a child cgroup of its unit.
    let isSubgroup =
      parent.hasSuffix(".service") || parent.hasSuffix(".scope") || own.hasSuffix("/\(daemonLeaf)")
    let cgroups = ScriptCgroups(folder: isSubgroup ? parent : own)
    try cgroups.enable(process)
    cgroups.removeLeftovers()
    return cgroups
  }

  /// The path where the process's cgroup is mounted.
  private static func ownFolder(_ proc: String) throws(CgroupLack) -> String {
    let mounts = text("\(proc)/mountinfo").split(separator: "\n").compactMap { line -> [Substring]? in
      let halves = line.ranges(of: " - ").first.map { (line[..<$0.lowerBound], line[$0.upperBound...]) }
      guard let halves, halves.1.hasPrefix("cgroup2 ") else { return nil }
      let fields = halves.0.split(separator: " ")
      return fields.count > 4 ? fields : nil
    }
    guard let mount = mounts.first else { throw CgroupLack(description: "cgroup v2 is not mounted") }
    let line = text("\(proc)/cgroup").split(separator: "\n").first { $0.hasPrefix("0::/") }
    guard let path = line?.dropFirst(3) else {
      throw CgroupLack(description: "the daemon is in no cgroup v2")
    }
    let (root, point) = (mount[3] == "/" ? "" : mount[3], mount[4])
    guard path == root || path.hasPrefix("\(root)/") else {
      throw CgroupLack(description: "the daemon's cgroup \(path) is outside of the mount at \(point)")
    }
    let below = path.dropFirst(root.utf8.count)
    return below == "/" ? String(point) : "\(point)\(below)"
  }

  /// Enables the required controllers for the children of this cgroup.
  private func enable(_ process: Int32) throws(CgroupLack) {
    guard words("cgroup.controllers").contains("memory") else {
      throw CgroupLack(
        description: "cgroup v2 has no memory controller at \(folder), as where cgroup v1 has it")
    }
    if !words("cgroup.subtree_control").contains("memory"), !write("+memory", to: "cgroup.subtree_control") {
      let leaf = "\(folder)/\(Self.daemonLeaf)"
      mkdir(leaf, 0o755)
      guard write("\(process)", to: "\(Self.daemonLeaf)/cgroup.procs"),
        write("+memory", to: "cgroup.subtree_control")
      else {
        write("\(process)", to: "cgroup.procs")
        rmdir(leaf)
        throw CgroupLack(
          description: "the memory controller cannot be delegated below \(folder); "
            + "in a systemd unit that is Delegate=yes and DelegateSubgroup=daemon")
      }
    }
    write("+pids", to: "cgroup.subtree_control")
    let probe = "\(folder)/\(Self.prefix)probe-\(process)"
    guard mkdir(probe, 0o755) == 0 else {
      throw CgroupLack(description: "no cgroup can be made in \(folder): \(String(cString: strerror(errno)))")
    }
    rmdir(probe)
  }

  /// Cgroups younger than this, in seconds, are kept: a rehearsal or another daemon may be about to use one.
  private static let leftoverAge = 60

  /// Removes the cgroups of earlier scripts. The cgroup of a script that still runs remains.
  private func removeLeftovers() {
    for name in (try? SafeFolder.names(in: folder)) ?? [] where name.hasPrefix(Self.prefix) {
      let path = "\(folder)/\(name)"
      var info = stat()
      guard stat(path, &info) == 0, time(nil) - info.st_mtim.tv_sec > Self.leftoverAge else { continue }
      rmdir(path)
    }
  }

  /// Creates the cgroup of one script.
  func make(_ name: String, _ limits: SandboxLimits) throws -> ScriptCgroup {
    let child = Self.prefix + name
    let path = "\(folder)/\(child)"
    guard mkdir(path, 0o755) == 0 else { throw FileError(errno: errno, path) }
    guard write("\(limits.totalMemory)", to: "\(child)/memory.max") else {
      let error = FileError(errno: errno, "\(path)/memory.max")
      rmdir(path)
      throw error
    }
    // Kernels without swap support, and older ones, lack some of these files; errors are ignored.
    write("0", to: "\(child)/memory.swap.max")
    write("1", to: "\(child)/memory.oom.group")
    write("\(limits.processes + 16)", to: "\(child)/pids.max")
    return ScriptCgroup(path: path)
  }

  // MARK: Files

  private func words(_ file: String) -> [Substring] {
    Self.text("\(folder)/\(file)").split(whereSeparator: \.isWhitespace)
  }

  private static func text(_ path: String) -> String {
    FileText.bytes(path, limit: 1 << 20).map { String(decoding: $0, as: UTF8.self) } ?? ""
  }

  @discardableResult
  private func write(_ text: String, to file: String) -> Bool {
    let descriptor = open("\(folder)/\(file)", O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o644)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return Glibc.write(descriptor, text, text.utf8.count) == text.utf8.count
  }
}

/// The cgroup of one script and all processes that it starts.
struct ScriptCgroup: Sendable, Hashable {
  let path: String

  /// The arguments before a command that make it run in this cgroup.
  var entering: [String] {
    ["sh", "-c", "echo $$ >\"$1/cgroup.procs\" || exit 125; shift; exec \"$@\"", "sh", path]
  }

  /// Whether the kernel has killed a process in it because of its memory limit.
  var ranOutOfMemory: Bool {
    guard let text = FileText.read("\(path)/memory.events") else { return false }
    return text.split(separator: "\n").contains { line in
      let fields = line.split(separator: " ")
      return fields.count == 2 && fields[0] == "oom_kill" && fields[1] != "0"
    }
  }

  /// Removes the cgroup after its last process has ended.
  func remove() {
    var attemptsLeft = 100
    while rmdir(path) != 0, errno == EBUSY, attemptsLeft > 0 {
      usleep(1_000)
      attemptsLeft -= 1
    }
  }
}
