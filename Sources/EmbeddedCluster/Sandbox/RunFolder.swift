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
  /// - Returns: whether all of them are known to be gone.
  func endAll() -> Bool {
    guard let names = try? SafeFolder.names(in: path) else { return false }
    return Self.endCommands(names.map { "\(path)/\($0)" })
  }

  /// The suffix of a folder whose command or container is being ended.
  static let ending = ".ending"

  /// Ends one command and everything that it started, and removes its folder. Returns when all of it is gone,
  /// also if another call is ending it already. Does nothing if the command has already ended.
  /// - Returns: whether all of it is known to be gone. If not, its folder stays, for the next attempt.
  static func end(command place: String) -> Bool {
    let away = place + ending
    // Moved first for the same reason as a container's folder.
    rename(place, away)
    guard endCommands([away]) else { return false }
    try? FileManager.default.removeItem(atPath: away)
    return true
  }

  /// Ends a command on a thread of its own, and tries again until all of it is known to be gone.
  static func endAlone(command place: String, whenGone: @escaping @Sendable () -> Void) {
    BlockingPool.runAlone {
      while !end(command: place) { usleep(1_000_000) }
      whenGone()
    }
  }

  /// - Returns: whether all processes are known to be gone. A process that survives, or that could not be read, does
  ///   not count as gone.
  private static func endCommands(_ folders: [String]) -> Bool {
    var isKnown = true
    func found(_ find: () throws(FileShortage) -> [ProcessStamp]) -> [ProcessStamp] {
      do { return try find() } catch {
        isKnown = false
        return []
      }
    }
    var alive: [String: ProcessStamp] = [:]
    for folder in folders {
      do { alive[folder] = try CommandProcess.wrapper(of: folder) } catch { isKnown = false }
    }
    let wrappers = Array(alive.values)
    // Found while the wrapper lives.
    let started = found { () throws(FileShortage) in try CommandProcess.descendants(of: wrappers) }
    let dead = folders.filter { folder in
      alive[folder] == nil && BubblewrapStatus(file: "\(folder)/status").exitCode == nil
    }
    let abandoned = found { () throws(FileShortage) in try CommandProcess.leftovers(of: dead) }
    // The first process of the namespace around the sandbox is in this group. When it dies, the kernel ends all
    // others in that namespace, also those that are just being started.
    for wrapper in wrappers where wrapper.isAlive { kill(-wrapper.process, SIGKILL) }
    for stamp in abandoned where stamp.isAlive { kill(stamp.process, SIGKILL) }
    var pollsLeft = 2_000
    func areGone() -> Bool {
      (wrappers + started + abandoned).allSatisfy { (try? $0.hasEnded()) ?? false }
    }
    while pollsLeft > 0, !areGone() {
      // Only without that namespace, as in a command of an older daemon.
      if pollsLeft == 1_900 { for stamp in started where stamp.exists { kill(stamp.process, SIGKILL) } }
      usleep(1_000)
      pollsLeft -= 1
    }
    return isKnown && areGone()
  }

  // MARK: Limits

  private static let excess = "excess"

  /// Returns the commands that an earlier daemon started and that still run.
  func adoptable() -> [ResourceWatch.Subject] {
    commands().compactMap { place, record in
      // If the daemon has no descriptor left to check, the watch finds out later.
      do { guard try CommandProcess.wrapper(of: place) != nil else { return nil } } catch {}
      return ResourceWatch.Subject(place: place, record: record, caller: .inEarlierDaemon)
    }
  }

  /// Returns the folders of the commands with this key.
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
        guard Self.endCommands([folder]) else { continue }
      } else if SafeFolder.kind("\(folder)/pid") != nil {
        do { guard try CommandProcess.wrapper(of: folder) == nil else { continue } } catch { continue }
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
