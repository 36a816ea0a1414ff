import FoundationEssentials
import Glibc

/// The run folder of a container: the record of its processes on disk, so that a later daemon can find and end
/// them.
///
/// `run/<container>/` exists as long as the container. Each command has a folder in it with `pid` (the
/// wrapper's line of `/proc/<pid>/stat`, and the machine's boot id), `status` (bubblewrap's status output),
/// `stdin`, `stdout`, `stderr` and the files of `CommandRecord`.
///
/// A process is signalled only if the kernel confirms the content of these files: see `CommandProcess`.
struct RunFolder: Sendable {
  let path: String

  init(path: String) { self.path = path }

  /// The folder of the container that a command's folder belongs to.
  init(ofCommand place: String) {
    path = place.lastIndex(of: "/").map { String(place[..<$0]) } ?? "."
  }

  var exists: Bool { SafeFolder.kind(path) == .folder }

  /// Ends all processes of a container whose folder has been moved away, and waits until they are gone.
  ///
  /// The folder is moved first: a wrapper that has not yet written its pid then finds its folder missing, and
  /// exits.
  func endAll() {
    Self.endCommands(((try? SafeFolder.names(in: path)) ?? []).map { "\(path)/\($0)" })
  }

  /// The suffix of a folder whose command or container is being ended.
  static let ending = ".ending"

  /// Ends one command and everything that it started, and removes its folder. Returns when all of it is gone,
  /// also if another call is ending it already. Does nothing if the command has already ended.
  static func end(command place: String) {
    let away = place + ending
    // Moved first for the same reason as a container's folder.
    let isFirst = rename(place, away) == 0
    endCommands([away])
    if isFirst { try? FileManager.default.removeItem(atPath: away) }
  }

  private static func endCommands(_ folders: [String]) {
    let alive = folders.compactMap(CommandProcess.wrapper(of:))
    let wrappers = alive.map(\.stamp)
    // Found while the wrapper lives.
    let started = CommandProcess.descendants(of: wrappers)
    let abandoned = CommandProcess.leftovers(
      of: folders.filter { folder in
        !alive.contains { $0.folder == folder } && BubblewrapStatus(file: "\(folder)/status").exitCode == nil
      })
    // The first process of the namespace around the sandbox is in this group. When it dies, the kernel ends all
    // others in that namespace, also those that are just being started.
    for wrapper in wrappers where wrapper.isAlive { kill(-wrapper.process, SIGKILL) }
    for stamp in abandoned where stamp.isAlive { kill(stamp.process, SIGKILL) }
    var patience = 2_000
    while patience > 0, (wrappers + started + abandoned).contains(where: \.isAlive) {
      // Only without that namespace, as in a command of an older daemon.
      if patience == 1_900 { for stamp in started where stamp.exists { kill(stamp.process, SIGKILL) } }
      usleep(1_000)
      patience -= 1
    }
  }

  // MARK: Limits

  private static let excess = "excess"

  /// Returns the commands that an earlier daemon started and that still run.
  func adoptable() -> [ResourceWatch.Subject] {
    commands().compactMap { place, record in
      guard CommandProcess.wrapper(of: place) != nil else { return nil }
      return ResourceWatch.Subject(place: place, record: record, caller: .inEarlierDaemon)
    }
  }

  /// Returns the folders of the commands that do, or wait for, the work with this key.
  func commands(withKey key: String) -> [String] {
    commands().filter { $0.record.key == key }.map { place, _ in
      place.hasSuffix(Self.ending) ? String(place.dropLast(Self.ending.utf8.count)) : place
    }
  }

  private func commands() -> [(place: String, record: CommandRecord)] {
    ((try? SafeFolder.names(in: path)) ?? []).compactMap { name in
      let place = "\(path)/\(name)"
      return CommandRecord(in: place).map { (place, $0) }
    }
  }

  /// Records in the container's folder why a command was ended whose caller no longer waits, so that a repeated
  /// request can report it.
  static func note(_ excess: ResourceExcess, of place: String) {
    let folder = RunFolder(ofCommand: place).path
    try? Data("\(excess)".utf8).write(to: URL(fileURLWithPath: "\(folder)/\(Self.excess)"))
  }

  /// Returns, once, why the last command without a caller was ended; nil if it was not ended.
  func takeExcess() -> String? {
    let file = "\(path)/\(Self.excess)"
    defer { unlink(file) }
    return FileText.read(file)
  }

  /// Removes the folders of earlier commands that have ended. Commands that an earlier daemon was about to end
  /// are ended first.
  ///
  /// - Returns: whether a command was killed from outside: its wrapper is dead and its exit code is unknown.
  ///   Its folder stays as long as its container, so that this is still known if the daemon dies again.
  func forgetEnded() -> Bool {
    var wasKilled = false
    for name in (try? SafeFolder.names(in: path)) ?? [] where SafeFolder.kind("\(path)/\(name)/stdin") != nil
    {
      let folder = "\(path)/\(name)"
      if name.hasSuffix(Self.ending) {
        Self.endCommands([folder])
      } else if SafeFolder.kind("\(folder)/pid") != nil {
        if CommandProcess.wrapper(of: folder) != nil { continue }
        // Read after the wrapper, which may have ended just now.
        guard BubblewrapStatus(file: "\(folder)/status").exitCode != nil else {
          wasKilled = true
          continue
        }
      }
      try? FileManager.default.removeItem(atPath: folder)
    }
    return wasKilled
  }
}

/// Finds the processes of a command. The files in its folder only say where to look; the kernel's data decides,
/// so that no file content can cause a signal to another process.
enum CommandProcess {
  /// Returns the wrapper of a command if it is alive: it must have started at the recorded time, in this boot,
  /// and with the command's folder among its arguments.
  static func wrapper(of folder: String) -> (folder: String, stamp: ProcessStamp)? {
    guard let text = FileText.read("\(folder)/pid") else { return nil }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard let stamp = ProcessStamp(line: String(lines[0])), stamp.isAlive else { return nil }
    // Older daemons recorded no boot id.
    if lines.count > 1, !lines[1].isEmpty, String(lines[1]) != boot { return nil }
    return hasArgument(folder, stamp.process) ? (folder, stamp) : nil
  }

  /// Returns all processes below some wrappers.
  ///
  /// A process is included only if its parent is confirmed and still exists after the process named it as its
  /// parent. So the number of a process that has ended meanwhile does not lead to the children of another one.
  static func descendants(of wrappers: [ProcessStamp]) -> [ProcessStamp] {
    guard !wrappers.isEmpty else { return [] }
    let tree = ProcessTree(proc: "/proc")
    var confirmed: [Int32: ProcessStamp] = [:]
    for wrapper in wrappers {
      confirmed[wrapper.process] = wrapper
      // Parents come before their children.
      for process in tree.members(from: wrapper.process).dropFirst() {
        guard let stamp = ProcessStamp(process: process),
          let parent = stamp.parent.flatMap({ confirmed[$0] }),
          parent.exists
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
  static func leftovers(of folders: [String]) -> [ProcessStamp] {
    guard !folders.isEmpty else { return [] }
    let wanted = Set(folders.compactMap { names($0).last }.map { ArraySlice("\(variable)=\($0)".utf8) })
    return ((try? SafeFolder.names(in: "/proc")) ?? []).compactMap { name in
      guard let stamp = Int32(name).flatMap(ProcessStamp.init(process:)),
        let environment = FileText.bytes("/proc/\(name)/environ", limit: 64 << 10),
        environment.split(separator: 0).contains(where: wanted.contains), stamp.exists
      else { return nil }
      return stamp
    }
  }

  /// The id of the machine's current boot.
  private static let boot = FileText.read("/proc/sys/kernel/random/boot_id").map {
    String($0.prefix { $0 != "\n" })
  }

  /// Whether a process has the command's folder among its arguments. The folder may have been renamed since,
  /// and the cluster's folder may have been moved.
  private static func hasArgument(_ folder: String, _ process: Int32) -> Bool {
    guard let bytes = FileText.bytes("/proc/\(process)/cmdline", limit: 16 << 10) else { return false }
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
    guard let line = FileText.read("/proc/\(process)/stat") else { return nil }
    self.init(line: line)
  }

  /// - Parameter line: proc(5), `/proc/<pid>/stat`; the second field can contain spaces and parentheses.
  init?(line: String) {
    guard let line = Self.read(line) else { return nil }
    self = line.stamp
  }

  private init(process: Int32, startTime: String) { (self.process, self.startTime) = (process, startTime) }

  private static func read(_ line: String) -> Line? {
    guard let number = line.split(separator: " ").first.flatMap({ Int32($0) }), number > 1,
      let end = line.lastIndex(of: ")")
    else { return nil }
    let fields = line[line.index(after: end)...].split(separator: " ")
    guard fields.count > 19 else { return nil }
    return Line(
      stamp: ProcessStamp(process: number, startTime: String(fields[19])), state: fields[0],
      parent: Int32(fields[1]))
  }

  /// The process's current line in `/proc`; nil if the number now belongs to another process.
  private var now: Line? {
    guard let line = FileText.read("/proc/\(process)/stat").flatMap(Self.read), line.stamp == self else {
      return nil
    }
    return line
  }

  /// The parent process; nil if this process no longer exists.
  var parent: Int32? { now?.parent }

  /// Whether the number still belongs to this process; also true for a zombie.
  var exists: Bool { now != nil }

  /// False for a zombie, and for a process that no longer exists.
  var isAlive: Bool { now.map { $0.state != "Z" } ?? false }
}

/// The status output of bubblewrap: a line of JSON when the sandbox is set up, and one when the command has
/// ended.
struct BubblewrapStatus: Sendable, Hashable {
  /// From 0 to 255. Another number, which a script can cause through `/proc/1/mem`, counts as 255.
  var exitCode: Int?

  init(file: String) { self.init(text: FileText.read(file) ?? "") }

  init(text: String) {
    exitCode = text.range(of: "\"exit-code\": ").flatMap { range in
      let code = Int(text[range.upperBound...].prefix { $0.isWholeNumber || $0 == "-" })
      return code.map { (0...255).contains($0) ? $0 : 255 }
    }
  }
}

enum FileText {
  /// Reads the first bytes of one of the daemon's files as text; nil if it cannot be read.
  static func read(_ path: String) -> String? {
    bytes(path, limit: 4096).map { String(decoding: $0, as: UTF8.self) }
  }

  static func bytes(_ path: String, limit: Int) -> [UInt8]? {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: min(max(limit, 1), 64 << 10))
    while bytes.count < limit {
      let count = Glibc.read(file, &buffer, min(buffer.count, limit - bytes.count))
      guard count >= 0 else { return nil }
      if count == 0 { break }
      bytes += buffer[..<count]
    }
    return bytes
  }
}
