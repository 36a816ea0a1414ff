import FoundationEssentials
import Glibc

/// What is known on disk of a container's processes, so that a later daemon can find and end them.
///
/// `run/<container>/` exists as long as the container; each command has a folder below it with `pid` (the wrapper's line of
/// `/proc/<pid>/stat`), `status` (what bubblewrap says), `stdin`, `stdout` and `stderr`.
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
  private static let ending = ".ending"

  /// Ends one command and all that it has started, and removes its folder. Nothing happens where it has ended already.
  static func end(command place: String) {
    let away = place + ending
    // Moved first for the same reason as a container's.
    guard rename(place, away) == 0 else { return }
    endCommands([away])
    try? FileManager.default.removeItem(atPath: away)
  }

  private static func endCommands(_ folders: [String]) {
    let wrappers = folders.compactMap { ProcessStamp(file: "\($0)/pid") }.filter(\.isAlive)
    // The first process of the sandbox takes all others with it.
    let inside =
      wrappers.isEmpty ? [] : folders.compactMap { BubblewrapStatus(file: "\($0)/status").childProcess }
    let stamps = inside.compactMap(ProcessStamp.init(process:))
    for wrapper in wrappers { kill(-wrapper.process, SIGKILL) }
    for stamp in stamps where stamp.isAlive { kill(stamp.process, SIGKILL) }
    var patience = 2_000
    while patience > 0, stamps.contains(where: \.isAlive) || wrappers.contains(where: \.isAlive) {
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
      guard ProcessStamp(file: "\(place)/pid")?.isAlive == true,
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
        if let wrapper = ProcessStamp(file: "\(folder)/pid"), wrapper.isAlive { continue }
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

/// A process, told apart from a later one with the same number by when it started.
struct ProcessStamp: Sendable, Hashable {
  var process: Int32
  var startTime: String

  init?(file: String) {
    guard let line = FileText.read(file) else { return nil }
    self.init(line: line)
  }

  init?(process: Int32) { self.init(file: "/proc/\(process)/stat") }

  /// - Parameter line: proc(5), `/proc/<pid>/stat`; the second field may itself hold spaces and parentheses.
  init?(line: String) {
    guard let number = line.split(separator: " ").first.flatMap({ Int32($0) }), number > 1,
      let end = line.lastIndex(of: ")")
    else { return nil }
    let fields = line[line.index(after: end)...].split(separator: " ")
    guard fields.count > 19 else { return nil }
    process = number
    startTime = String(fields[19])
  }

  /// False for one that has ended and only waits to be noticed.
  var isAlive: Bool {
    guard let line = FileText.read("/proc/\(process)/stat"), let now = ProcessStamp(line: line),
      let end = line.lastIndex(of: ")")
    else { return false }
    return now == self && line[line.index(after: end)...].split(separator: " ").first != "Z"
  }
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
