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
