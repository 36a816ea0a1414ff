import FoundationEssentials
import Glibc

/// Finds the processes of a command. The files in its folder are only hints: a process is signalled only if the
/// kernel's data confirms that it belongs to the command.
enum CommandProcess {
  /// Returns the wrapper of a command if it is alive: it must have started at the recorded time, in this boot,
  /// and with the command's folder among its arguments.
  /// - Throws: `FileShortage` if the daemon has no descriptor or memory left.
  static func wrapper(of folder: String) throws(FileShortage) -> ProcessStamp? {
    guard let bytes = try FileText.readIfPresent("\(folder)/pid") else { return nil }
    let text = String(decoding: bytes, as: UTF8.self)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard let stamp = ProcessStamp(line: String(lines[0])), try !stamp.hasEnded() else { return nil }
    // Older daemons recorded no boot id.
    if lines.count > 1, !lines[1].isEmpty, String(lines[1]) != boot { return nil }
    return try hasArgument(folder, stamp.process) ? stamp : nil
  }

  /// Returns all processes below some wrappers.
  ///
  /// A process is included only if its parent is confirmed and still exists after the process named it as its
  /// parent. So the number of a process that has ended meanwhile does not lead to the children of another one.
  /// A process that has ended since the processes were listed is left out.
  /// - Parameter find: returns the process that has a number now; nil if there is none.
  /// - Throws: `FileShortage` if the daemon has no descriptor or memory left.
  static func descendants(
    of wrappers: [ProcessStamp],
    find: (Int32) throws(FileShortage) -> ProcessStamp? = { number throws(FileShortage) in
      try ProcessStamp.find(number)
    }
  ) throws(FileShortage) -> [ProcessStamp] {
    guard !wrappers.isEmpty else { return [] }
    let tree = ProcessTree(proc: "/proc")
    guard tree.isComplete else { throw FileShortage() }
    var confirmed: [Int32: ProcessStamp] = [:]
    for wrapper in wrappers {
      confirmed[wrapper.process] = wrapper
      // Parents come before their children.
      for process in tree.members(from: wrapper.process).dropFirst() {
        guard let stamp = try find(process), let number = try stamp.parent(),
          let parent = confirmed[number], try parent.isCurrent()
        else { continue }
        confirmed[process] = stamp
      }
    }
    for wrapper in wrappers { confirmed[wrapper.process] = nil }
    return Array(confirmed.values)
  }

  /// The environment variable with the name of the command's folder, which the wrapper sets for the sandbox. The
  /// script's own processes do not get it.
  static let variable = "KDOPS_COMMAND"

  /// Returns the processes around the sandboxes of commands whose wrapper has died before them, for example because
  /// the machine ran out of memory. When they die, everything in the sandbox does.
  /// - Throws: `FileShortage` if the daemon has no descriptor or memory left.
  static func leftovers(of folders: [String]) throws(FileShortage) -> [ProcessStamp] {
    guard !folders.isEmpty else { return [] }
    let wanted = Set(folders.compactMap { names($0).last }.map { ArraySlice("\(variable)=\($0)".utf8) })
    let (processes, access) = ProcFolder.read("/proc")
    guard access == .granted else { throw FileShortage() }
    var found: [ProcessStamp] = []
    for name in processes {
      guard let process = Int32(name), let stamp = try ProcessStamp.find(process),
        let environment = try FileText.readIfPresent("/proc/\(name)/environ", limit: 64 << 10),
        environment.split(separator: 0).contains(where: wanted.contains), try stamp.isCurrent()
      else { continue }
      found.append(stamp)
    }
    return found
  }

  /// The id of the machine's current boot.
  private static let boot = FileText.read("/proc/sys/kernel/random/boot_id").map {
    String($0.prefix { $0 != "\n" })
  }

  /// Whether a process has the command's folder among its arguments. The folder may have been renamed since,
  /// and the cluster's folder may have been moved.
  private static func hasArgument(_ folder: String, _ process: Int32) throws(FileShortage) -> Bool {
    guard let bytes = try FileText.readIfPresent("/proc/\(process)/cmdline", limit: 16 << 10) else {
      return false
    }
    let wanted = names(folder)
    return bytes.split(separator: 0).contains { argument in
      names(String(decoding: argument, as: UTF8.self)) == wanted
    }
  }

  /// The names of the container's and the command's folder, without the suffix `.ending`.
  private static func names(_ folder: String) -> [String] {
    folder.split(separator: "/").suffix(2).map { name in
      name.hasSuffix(RunFolder.ending) ? String(name.dropLast(RunFolder.ending.utf8.count)) : String(name)
    }
  }
}

/// A process, identified by its number and start time, because numbers are reused.
struct ProcessStamp: Sendable, Hashable {
  var process: Int32
  var startTime: String

  private struct Line {
    var stamp: ProcessStamp
    var state: Substring
    var parent: Int32?
  }

  init?(process: Int32) {
    guard let stamp = try? Self.find(process) else { return nil }
    self = stamp
  }

  /// Returns the process that has a number now; nil if there is none.
  static func find(_ process: Int32) throws(FileShortage) -> ProcessStamp? { try line(of: process)?.stamp }

  private static func line(of process: Int32) throws(FileShortage) -> Line? {
    guard let bytes = try FileText.readIfPresent("/proc/\(process)/stat") else { return nil }
    return read(String(decoding: bytes, as: UTF8.self))
  }

  /// - Parameter line: proc(5), `/proc/<pid>/stat`; the second field can contain spaces and parentheses.
  init?(line: String) {
    guard let line = Self.read(line) else { return nil }
    self = line.stamp
  }

  private init(process: Int32, startTime: String) { (self.process, self.startTime) = (process, startTime) }

  private static func read(_ line: String) -> Line? {
    guard let number = line.utf8.split(separator: UInt8(ascii: " ")).first.flatMap({ Int32(Substring($0)) }),
      number > 1
    else { return nil }
    let fields = ProcessStat.fields(line)
    guard fields.count > 19 else { return nil }
    return Line(
      stamp: ProcessStamp(process: number, startTime: String(fields[19])), state: fields[0],
      parent: Int32(fields[1]))
  }

  /// The process's current line in `/proc`; nil if the number now belongs to another process.
  private func current() throws(FileShortage) -> Line? {
    guard let line = try Self.line(of: process), line.stamp == self else { return nil }
    return line
  }

  /// The parent process; nil if this process no longer exists.
  func parent() throws(FileShortage) -> Int32? { try current()?.parent }

  /// Whether the number still belongs to this process; also true for a zombie.
  func isCurrent() throws(FileShortage) -> Bool { try current() != nil }

  /// Like `isCurrent`, but false if the daemon has no descriptor or memory left.
  var exists: Bool { (try? isCurrent()) ?? false }

  /// Whether the process is a zombie or no longer exists.
  func hasEnded() throws(FileShortage) -> Bool { try current().map { $0.state == "Z" } ?? true }

  /// False for a zombie, for a process that no longer exists, and if the daemon has no descriptor or memory left.
  var isAlive: Bool { (try? hasEnded()) == false }
}
