import Glibc

/// Runs programs without Foundation's `Process`, which crashed when tests started hundreds at once.
enum Spawn {
  /// Runs a program until it ends.
  ///
  /// - Parameters:
  ///   - command: The program, looked up in `PATH`, and its arguments.
  ///   - input: The file for its standard input; `output` and `errors` are the files for its output.
  /// - Returns: Its exit code, or 128 plus the signal that killed it.
  static func run(
    _ command: [String], in folder: String?, environment: [String: String], input: String, output: String,
    errors: String
  ) throws -> Int32 {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
    for (stream, file) in [(Int32(1), output), (2, errors)] {
      posix_spawn_file_actions_addopen(&actions, stream, file, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    }
    // Threads of a test runner block signals, and a child process would inherit that.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    let place = folder.map { ["--chdir=\($0)"] } ?? []
    var arguments = (["env"] + place + command).map { strdup($0) } + [nil]
    var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in arguments + variables { free(text) } }
    var process = pid_t()
    let code = posix_spawn(&process, "/usr/bin/env", &actions, &attributes, &arguments, &variables)
    guard code == 0 else { throw ToolError("\(command): \(String(cString: strerror(code)))") }
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0 {
      guard errno == EINTR else { throw ToolError("\(command): \(String(cString: strerror(errno)))") }
    }
    let signal = status & 0x7f
    return signal == 0 ? (status >> 8) & 0xff : 128 + signal
  }
}
