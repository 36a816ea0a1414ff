import FoundationEssentials
import Glibc
import Subprocess

/// Runs commands so that they outlive the daemon, but not their container.
///
/// Between the daemon and the sandbox stands a shell with a session of its own, which keeps what comes out in files: the
/// daemon may die at any instant and the command runs on, never stopped by a pipe without a reader. What is
/// beyond the limit is read and dropped, so that no amount of output fills the disk or blocks the command.
struct ScriptRunner: Sendable {
  enum Ending: Sendable {
    case exited(code: Int, stdout: [UInt8], stderr: [UInt8])
    /// The command did not begin.
    case notStarted(String)
    /// It was ended because it used more than it may.
    case exceeded(ResourceExcess)
    /// It was ended from outside, with its container.
    case ended
  }

  /// A command that was begun.
  struct Command: Sendable {
    /// Its folder, within its container's.
    let place: String
    let ending: Completion<Ending>
  }

  let sandbox: Sandbox
  let watch: ResourceWatch
  /// Nil where the machine has none: then the watch alone limits what processes use together.
  let cgroups: ScriptCgroups?

  /// `$1` the command's folder, `$2` what is kept of each stream, `$3` whether the end is to be noted here, then
  /// the command. Nothing of it is ever part of the text.
  private static let wrapper = """
    folder=$1 limit=$2 note=$3; shift 3
    umask 077
    IFS= read -r self </proc/$$/stat || exit 125
    IFS= read -r boot </proc/sys/kernel/random/boot_id || boot=
    printf '%s\\n' "$self" "$boot" >"$folder/pid.new" && mv "$folder/pid.new" "$folder/pid" || exit 125
    {
      {
        "$@" <"$folder/stdin" 4>"$folder/status" 5<"$folder/filter" 2>&3 3>&-
        code=$?
        [ "$note" = no ] || printf '{ "exit-code": %d }\\n' "$code" >"$folder/status"
      } | { head -c "$limit" >"$folder/stdout"; cat >/dev/null; } 3>&-
    } 3>&1 | { head -c "$limit" >"$folder/stderr"; cat >/dev/null; }
    """

  /// Begins a command.
  /// - Parameters:
  ///   - folder: the container's run folder; the command gets a folder in it, which is removed after the end.
  ///   - whenEnded: called when the command has ended, whoever still waits for it.
  func start(
    _ request: SandboxRequest, stdin: [UInt8], outputLimit: Int, folder: RunFolder,
    whenEnded: @escaping @Sendable () async -> Void
  ) throws -> Command {
    let name = UUID().uuidString
    let place = "\(folder.path)/\(name)"
    guard mkdir(place, 0o700) == 0 else { throw FileError(errno: errno, place) }
    try Self.write(stdin: stdin, to: place)
    let cgroup = try cgroups?.make(name, sandbox.limits)
    do { try RunFolder.note(request.measured, cgroup, of: place) } catch {
      cgroup?.remove()
      throw error
    }
    let arguments = Self.arguments(
      sandbox, request, place: place, outputLimit: outputLimit, entering: cgroup?.entering ?? [])
    let completion = Completion<Ending>()
    watch.add(
      ResourceWatch.Subject(
        place: place, folders: request.measured, isInCgroup: cgroup != nil, isAdopted: false))
    // Not a child task: whoever waits may go away, and the command must not be ended by that.
    Task.detached {
      var ending = await Self.run(arguments, place: place, outputLimit: outputLimit)
      if let excess = watch.remove(place) ?? excess(of: cgroup, ending) { ending = .exceeded(excess) }
      cgroup?.remove()
      completion.complete(ending)
      await whenEnded()
    }
    return Command(place: place, ending: completion)
  }

  /// Writes what a command reads, and the sandbox around it.
  static func write(stdin: [UInt8], to place: String) throws {
    try Data(stdin).write(to: URL(fileURLWithPath: "\(place)/stdin"))
    try Data(SystemCallFilter.bytes).write(to: URL(fileURLWithPath: "\(place)/filter"))
  }

  /// What the kernel ended a command for; nil where its end is its own.
  private func excess(of cgroup: ScriptCgroup?, _ ending: Ending) -> ResourceExcess? {
    guard let cgroup, cgroup.ranOutOfMemory else { return nil }
    // Where one process of it was ended and it went on all the same, that is the script's own affair.
    if case .exited(let code, _, _) = ending, code != 137 { return nil }
    return .memory(used: nil, limit: sandbox.limits.totalMemory)
  }

  /// What the shell is given to run a command whose folder is `place`.
  /// - Parameter entering: what stands before the command, for its cgroup.
  static func arguments(
    _ sandbox: Sandbox, _ request: SandboxRequest, place: String, outputLimit: Int, entering: [String] = []
  ) -> [String] {
    ["-c", wrapper, "sh", place, String(max(0, outputLimit)), sandbox.mode == .bubblewrap ? "no" : "yes"]
      + entering + sandbox.arguments(request)
  }

  private static let noReason =
    "the sandbox ended before the command began and gave no reason, as on a machine short of memory or processes"

  private static func run(_ arguments: [String], place: String, outputLimit: Int) async -> Ending {
    defer { try? FileManager.default.removeItem(atPath: place) }
    var options = PlatformOptions()
    options.createSession = true
    do {
      _ = try await Subprocess.run(
        .path("/bin/sh"), arguments: Arguments(arguments), environment: HostProcess.environment,
        platformOptions: options, output: .discarded, error: .discarded)
    } catch {
      return .notStarted("\(error)")
    }
    guard SafeFolder.kind(place) == .folder else { return .ended }
    let stdout = FileText.bytes("\(place)/stdout", limit: outputLimit) ?? []
    let stderr = FileText.bytes("\(place)/stderr", limit: outputLimit) ?? []
    let status = BubblewrapStatus(file: "\(place)/status")
    guard let code = status.exitCode else {
      let said = String(decoding: stderr.prefix(500), as: UTF8.self).split(separator: "\n").joined(
        separator: "; ")
      return .notStarted(said.isEmpty ? Self.noReason : said)
    }
    return .exited(code: code, stdout: stdout, stderr: stderr)
  }
}
