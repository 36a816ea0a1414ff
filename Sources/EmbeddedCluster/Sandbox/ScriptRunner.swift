import FoundationEssentials
import Glibc
import Subprocess

/// Runs commands that outlive the daemon, but not their container.
///
/// A shell in its own session runs between the daemon and the sandbox, and writes the command's output to
/// files. So the daemon may die at any time without stopping the command, which never writes to a pipe without
/// a reader. Output above the limit is read and dropped, so that it neither fills the disk nor blocks the
/// command.
struct ScriptRunner: Sendable {
  enum Ending: Sendable {
    case exited(code: Int, stdout: [UInt8], stderr: [UInt8])
    /// The command could not be started.
    case notStarted(String)
    /// The command was ended because it exceeded a resource limit.
    case exceeded(ResourceExcess)
    /// The command was ended from outside, with its container.
    case ended
  }

  /// A command that was started.
  struct Command: Sendable {
    /// The command's folder, inside its container's folder.
    let place: String
    let ending: Completion<Ending>
  }

  /// How a command is recorded and watched.
  struct Terms: Sendable {
    /// When the command is ended, even if no caller waits for it or another daemon runs by then.
    var deadline: CommandDeadline?
    /// See `ExecRequest.key`.
    var key: String?
    /// The use of the machine before it starts.
    var baseline: WatchedCommands.Baseline
  }

  let sandbox: Sandbox
  let watch: ResourceWatch
  /// Nil if the machine has no usable cgroups: then only the resource watch limits processes together.
  let cgroups: ScriptCgroups?

  /// `$1` is the command's folder, `$2` the limit for each output stream, `$3` whether the exit code is
  /// recorded here; then the command follows. None of them is inserted into the script's text. Standard input is a
  /// pipe: a script could write to a file through `/proc/1/fd/0`.
  private static let wrapper = """
    folder=$1 limit=$2 note=$3; shift 3
    umask 077
    IFS= read -r self </proc/$$/stat || exit 125
    IFS= read -r boot </proc/sys/kernel/random/boot_id || boot=
    printf '%s\\n' "$self" "$boot" >"$folder/pid.new" && mv "$folder/pid.new" "$folder/pid" || exit 125
    {
      {
        cat "$folder/stdin" 3>&- | \(CommandProcess.variable)="${folder##*/}" "$@" 4>"$folder/status" 5<"$folder/filter" 2>&3 3>&-
        code=$?
        [ "$note" = no ] || printf '{ "exit-code": %d }\\n' "$code" >"$folder/status"
      } | { head -c "$limit" >"$folder/stdout"; cat >/dev/null; } 3>&-
    } 3>&1 | { head -c "$limit" >"$folder/stderr"; cat >/dev/null; }
    """

  /// Starts a command.
  /// - Parameters:
  ///   - folder: the container's run folder; the command gets a folder in it, which is removed after the end.
  ///   - whenEnded: called when the command has ended, even if no caller waits for it.
  func start(
    _ request: SandboxRequest, stdin: [UInt8], outputLimit: Int, folder: RunFolder,
    terms: Terms,
    whenEnded: @escaping @Sendable () async -> Void
  ) throws -> Command {
    let name = UUID().uuidString
    let place = "\(folder.path)/\(name)"
    guard mkdir(place, 0o700) == 0 else { throw FileError(errno: errno, place) }
    var record = CommandRecord(measured: request.measured, deadline: terms.deadline, key: terms.key)
    let cgroup = try prepare(place, name, stdin: stdin, &record)
    let arguments = Self.arguments(
      sandbox, request, place: place, outputLimit: outputLimit, entering: cgroup?.entering ?? [])
    let completion = Completion<Ending>()
    watch.add(ResourceWatch.Subject(place: place, record: record, caller: .waiting), terms.baseline)
    // Not a child task: a caller that stops waiting must not end the command.
    Task.detached {
      var ending = await Self.run(arguments, place: place, outputLimit: outputLimit)
      if let excess = watch.remove(place) ?? excess(of: cgroup, ending) { ending = .exceeded(excess) }
      cgroup?.remove()
      completion.complete(ending)
      await whenEnded()
    }
    return Command(place: place, ending: completion)
  }

  /// Writes the files of a command, and creates its cgroup. After an error, neither remains.
  private func prepare(
    _ place: String, _ name: String, stdin: [UInt8], _ record: inout CommandRecord
  ) throws -> ScriptCgroup? {
    var cgroup: ScriptCgroup?
    do {
      try Self.write(stdin: stdin, to: place)
      cgroup = try cgroups?.make(name, sandbox.limits)
      record.cgroup = cgroup?.path
      try record.write(to: place)
      return cgroup
    } catch {
      cgroup?.remove()
      try? FileManager.default.removeItem(atPath: place)
      throw error
    }
  }

  /// Writes the files that the command and its sandbox read.
  static func write(stdin: [UInt8], to place: String) throws {
    try FileText.write(stdin, to: "\(place)/stdin")
    try FileText.write(SystemCallFilter.bytes, to: "\(place)/filter")
  }

  /// Returns the limit for which the kernel ended the command; nil if the kernel did not end it.
  private func excess(of cgroup: ScriptCgroup?, _ ending: Ending) -> ResourceExcess? {
    guard let cgroup, cgroup.ranOutOfMemory else { return nil }
    // If one of its processes was killed and the script continued, the script has handled that itself.
    if case .exited(let code, _, _) = ending, code != 137 { return nil }
    return .memory(used: nil, limit: sandbox.limits.totalMemory)
  }

  /// Builds the shell's arguments to run a command with the folder `place`.
  /// - Parameter entering: the arguments before the command that move it into its cgroup.
  static func arguments(
    _ sandbox: Sandbox, _ request: SandboxRequest, place: String, outputLimit: Int, entering: [String] = []
  ) -> [String] {
    ["-c", wrapper, "sh", place, String(max(0, outputLimit)), sandbox.mode == .bubblewrap ? "no" : "yes"]
      + entering + sandbox.arguments(request)
  }

  private static let noReason =
    "the sandbox ended before the command began and gave no reason, as on a machine short of memory, processes or disk space"

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
      // If the wrapper was killed, the sandbox may still run.
      while !RunFolder.end(command: place) { try? await Task.sleep(for: .seconds(1)) }
      let said = String(decoding: stderr.prefix(500), as: UTF8.self).split(separator: "\n").joined(
        separator: "; ")
      return .notStarted(said.isEmpty ? Self.noReason : said)
    }
    return .exited(code: code, stdout: stdout, stderr: stderr)
  }
}
