import Glibc

@testable import EmbeddedCluster

/// Runs programs on this machine.
enum Machine {
  static let hasBubblewrap = access("/usr/bin/bwrap", X_OK) == 0

  /// Runs a short program. Processes that it leaves behind are not reported.
  static func run(_ arguments: [String]) -> Int32 {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for stream in 0..<3 { posix_spawn_file_actions_addopen(&actions, Int32(stream), "/dev/null", O_RDWR, 0) }
    var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var process = pid_t()
    guard posix_spawnp(&process, arguments[0], &actions, nil, &words, environ) == 0 else { return -1 }
    var status = Int32()
    return waitpid(process, &status, 0) == process ? status : -1
  }

  /// Starts a program in a session of its own, and ends it when the body is done.
  static func running(_ arguments: [String], _ body: (_ process: Int32) throws -> Void) throws {
    let process = try start(arguments)
    defer { end(process) }
    try body(process)
  }

  /// Starts a program in a session of its own.
  static func start(_ arguments: [String]) throws -> Int32 {
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // POSIX_SPAWN_SETSID, which glibc declares only for GNU programs.
    posix_spawnattr_setflags(&attributes, 0x80)
    var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var process = pid_t()
    guard posix_spawnp(&process, arguments[0], nil, &attributes, &words, environ) == 0 else {
      throw FileError(errno: errno, arguments[0])
    }
    return process
  }

  /// Ends the session of a program that was started here.
  static func end(_ process: Int32) {
    kill(-process, SIGKILL)
    _ = waitpid(process, nil, 0)
  }

  /// Runs a block with the file access of another user, on this thread. Without effect if this user is not root.
  static func withFileAccess<Value>(of user: UInt32, _ body: () -> Value) throws -> Value {
    typealias Change = @convention(c) (UInt32) -> Int32
    guard let symbol = dlsym(nil, "setfsuid") else { throw FileError(errno: ENOSYS, "setfsuid") }
    let change = unsafeBitCast(symbol, to: Change.self)
    _ = change(user)
    defer { _ = change(geteuid()) }
    return body()
  }
}
