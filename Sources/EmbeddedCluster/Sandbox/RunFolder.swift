import FoundationEssentials
import Glibc

/// What is known on disk of a container's processes, so that a later daemon can find and end them.
///
/// `run/<container>/` exists as long as the container; each command has a folder below it with `pid` (the wrapper's line of
/// `/proc/<pid>/stat`, and the machine's boot id), `status` (what bubblewrap says), `stdin`, `stdout` and `stderr`.
///
/// A process is signalled only where the kernel confirms what these files say: see `CommandProcess`.
struct RunFolder: Sendable {
  let path: String

  var exists: Bool { SafeFolder.kind(path) == .folder }

  /// Ends everything that runs in a container whose folder has been moved away. Waits until it is gone.
  ///
  /// The move comes first: a wrapper that has not yet said who it is then finds its folder missing, and gives up.
  func endAll() {
    Self.endCommands(((try? SafeFolder.names(in: path)) ?? []).map { "\(path)/\($0)" })
  }

  /// What a command's folder is called while the command is being ended.
  static let ending = ".ending"

  /// Ends one command and all that it has started, and removes its folder. Nothing happens where it has ended already.
  static func end(command place: String) {
    let away = place + ending
    // Moved first for the same reason as a container's.
    guard rename(place, away) == 0 else { return }
    endCommands([away])
    try? FileManager.default.removeItem(atPath: away)
  }

  private static func endCommands(_ folders: [String]) {
    let wrappers = folders.compactMap(CommandProcess.wrapper(of:))
    // The first process of the sandbox takes all others with it.
    let inside = wrappers.compactMap { CommandProcess.firstInside($0.folder, below: $0.stamp) }
    for wrapper in wrappers where wrapper.stamp.isAlive { kill(-wrapper.stamp.process, SIGKILL) }
    for stamp in inside where stamp.isAlive { kill(stamp.process, SIGKILL) }
    var patience = 2_000
    while patience > 0, inside.contains(where: \.isAlive) || wrappers.contains(where: \.stamp.isAlive) {
      usleep(1_000)
      patience -= 1
    }
  }

  // MARK: Limits

  private static let measured = "measured"
  private static let cgroup = "cgroup"
  private static let excess = "excess"

  /// Notes how a command is limited, for a later daemon.
  static func note(_ folders: [String], _ cgroup: ScriptCgroup?, of place: String) throws {
    try Data(folders.joined(separator: "\0").utf8).write(to: URL(fileURLWithPath: "\(place)/\(measured)"))
    if let cgroup { try Data(cgroup.path.utf8).write(to: URL(fileURLWithPath: "\(place)/\(Self.cgroup)")) }
  }

  /// Commands that an earlier daemon began and that still run.
  func adoptable() -> [ResourceWatch.Subject] {
    ((try? SafeFolder.names(in: path)) ?? []).compactMap { name in
      let place = "\(path)/\(name)"
      guard CommandProcess.wrapper(of: place) != nil,
        let folders = FileText.bytes("\(place)/\(Self.measured)", limit: 1 << 20)
      else { return nil }
      return ResourceWatch.Subject(
        place: place,
        folders: folders.split(separator: 0).map { String(decoding: $0, as: UTF8.self) },
        isInCgroup: SafeFolder.kind("\(place)/\(Self.cgroup)") != nil, isAdopted: true)
    }
  }

  /// Notes in its container why a command was ended that nobody here waits for: who asks for it again is told.
  static func note(_ excess: ResourceExcess, of place: String) {
    guard let end = place.lastIndex(of: "/") else { return }
    try? Data("\(excess)".utf8).write(to: URL(fileURLWithPath: "\(place[..<end])/\(Self.excess)"))
  }

  /// Why the last command of an earlier daemon was ended, once; nil where it was not.
  func takeExcess() -> String? {
    let file = "\(path)/\(Self.excess)"
    defer { unlink(file) }
    return FileText.read(file)
  }

  /// Removes what earlier commands left that have ended, after ending those that an earlier daemon was about to end.
  ///
  /// - Returns: whether a command was killed by someone else: its wrapper is dead and its exit code is not known. What is
  ///   left of it stays as long as its container, so that this is known however often the daemon dies meanwhile.
  func forgetEnded() -> Bool {
    var wasKilled = false
    for name in (try? SafeFolder.names(in: path)) ?? [] where SafeFolder.kind("\(path)/\(name)/stdin") != nil
    {
      let folder = "\(path)/\(name)"
      if name.hasSuffix(Self.ending) {
        Self.endCommands([folder])
      } else if SafeFolder.kind("\(folder)/pid") != nil {
        if CommandProcess.wrapper(of: folder) != nil { continue }
        // Looked at after the wrapper, which may have ended just now.
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

/// Which processes belong to a command. The files of its folder only say where to look; what counts is what the kernel
/// says, so that no content of a file has another process signalled.
enum CommandProcess {
  /// The wrapper of a command, where it is alive: started when the record says, in this boot, and with the command's
  /// folder among its arguments.
  static func wrapper(of folder: String) -> (folder: String, stamp: ProcessStamp)? {
    guard let text = FileText.read("\(folder)/pid") else { return nil }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard let stamp = ProcessStamp(line: String(lines[0])), stamp.isAlive else { return nil }
    // Daemons before this one left no boot id.
    if lines.count > 1, !lines[1].isEmpty, String(lines[1]) != boot { return nil }
    return hasArgument(folder, stamp.process) ? (folder, stamp) : nil
  }

  /// The first process inside the sandbox, as bubblewrap named it, where it comes from the wrapper.
  static func firstInside(_ folder: String, below wrapper: ProcessStamp) -> ProcessStamp? {
    guard let process = BubblewrapStatus(file: "\(folder)/status").childProcess,
      let stamp = ProcessStamp(process: process)
    else { return nil }
    var ancestor = stamp
    // Two bubblewraps and two shells lie between them.
    for _ in 0..<16 {
      guard let parent = ancestor.parent.flatMap(ProcessStamp.init(process:)) else { return nil }
      if parent == wrapper { return stamp.isAlive ? stamp : nil }
      ancestor = parent
    }
    return nil
  }

  /// Which boot of the machine this is.
  private static let boot = FileText.read("/proc/sys/kernel/random/boot_id").map {
    String($0.prefix { $0 != "\n" })
  }

  /// Whether a process was started with the command's folder as an argument of its own. The folder may have been
  /// renamed since, and the cluster's folder may have been moved.
  private static func hasArgument(_ folder: String, _ process: Int32) -> Bool {
    guard let bytes = FileText.bytes("/proc/\(process)/cmdline", limit: 16 << 10) else { return false }
    let wanted = names(folder)
    return bytes.split(separator: 0).contains { argument in
      names(String(decoding: argument, as: UTF8.self)) == wanted
    }
  }

  /// The container's and the command's folder, without what is added while they are ended.
  private static func names(_ folder: String) -> [String] {
    folder.split(separator: "/").suffix(2).map { name in
      name.hasSuffix(RunFolder.ending) ? String(name.dropLast(RunFolder.ending.utf8.count)) : String(name)
    }
  }
}

/// A process, told apart from a later one with the same number by when it started.
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

  /// - Parameter line: proc(5), `/proc/<pid>/stat`; the second field may itself hold spaces and parentheses.
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

  /// What the kernel says of the process now; nil where it is another one by now.
  private var now: Line? {
    guard let line = FileText.read("/proc/\(process)/stat").flatMap(Self.read), line.stamp == self else {
      return nil
    }
    return line
  }

  /// The process that started it; nil where there is none any more.
  var parent: Int32? { now?.parent }

  /// False for one that has ended and only waits to be noticed.
  var isAlive: Bool { now.map { $0.state != "Z" } ?? false }
}

/// What bubblewrap tells of a sandbox: a line of JSON when it stands, and one when the command has ended.
struct BubblewrapStatus: Sendable, Hashable {
  var childProcess: Int32?
  var exitCode: Int?

  init(file: String) { self.init(text: FileText.read(file) ?? "") }

  init(text: String) {
    func number(after key: String) -> Int? {
      guard let range = text.range(of: "\"\(key)\": ") else { return nil }
      return Int(text[range.upperBound...].prefix { $0.isWholeNumber })
    }
    childProcess = number(after: "child-pid").flatMap { Int32(exactly: $0) }
    exitCode = number(after: "exit-code")
  }
}

enum FileText {
  /// The first bytes of a file of ours as text; nil where it cannot be read.
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
