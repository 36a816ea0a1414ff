import Glibc

/// Runs a program until it exits or a time limit passes.
enum ChildProcess {
  static func run(
    _ arguments: [String], _ environment: [String], folder: String, input: [UInt8], _ limit: Duration
  ) -> (status: Int32, words: String?) {
    guard let toChild = pair() else { return (1, "no pipe to the hook") }
    guard let fromChild = pair() else {
      close(toChild.ours)
      close(toChild.theirs)
      return (1, "no pipe from the hook")
    }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, toChild.theirs, 0)
    posix_spawn_file_actions_adddup2(&actions, fromChild.theirs, 1)
    posix_spawn_file_actions_adddup2(&actions, fromChild.theirs, 2)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // A process group of its own, so that a kill also ends the hook's child processes.
    posix_spawnattr_setpgroup(&attributes, 0)
    // The daemon's threads block signals. A child that inherits the mask can only be ended with SIGKILL.
    var (none, all) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
    posix_spawnattr_setflags(&attributes, Int16(flags))
    var child: pid_t = 0
    // The shell only changes the folder; no input from outside is part of its script.
    let shell = ["/bin/sh", "-c", "cd \"$1\" && shift && exec \"$@\"", "sh", folder]
    let code = withCStrings(shell + arguments) { argv in
      withCStrings(environment) { env in posix_spawn(&child, "/bin/sh", &actions, &attributes, argv, env) }
    }
    close(toChild.theirs)
    close(fromChild.theirs)
    defer { close(fromChild.ours) }
    guard code == 0 else {
      close(toChild.ours)
      return (1, String(cString: strerror(code)))
    }
    let output = exchange(input, write: toChild.ours, read: fromChild.ours, until: .now + limit)
    if output == nil { kill(-child, SIGKILL) }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0, errno == EINTR {}
    let words =
      output.map { String(decoding: $0.suffix(1000), as: UTF8.self).singleLine } ?? "it took too long"
    let exited = status & 0x7f == 0
    return (exited && output != nil ? (status >> 8) & 0xff : 1, words.isEmpty ? nil : words)
  }

  /// Writes the input and reads the output concurrently; nil if the deadline passes. Closes the writing end.
  private static func exchange(
    _ input: [UInt8], write: Int32, read: Int32, until deadline: ContinuousClock.Instant
  ) -> [UInt8]? {
    let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
    var rest = input[...]
    var open = true
    var output: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    defer { if open { close(write) } }
    while true {
      if rest.isEmpty && open {
        close(write)
        open = false
      }
      if ContinuousClock.now >= deadline { return nil }
      var polls = [pollfd(fd: read, events: Int16(POLLIN), revents: 0)]
      if open { polls.append(pollfd(fd: write, events: Int16(POLLOUT), revents: 0)) }
      if poll(&polls, nfds_t(polls.count), 100) <= 0 { continue }
      if open, polls[1].revents != 0 {
        let put = rest.withUnsafeBytes { send(write, $0.baseAddress, $0.count, flags) }
        // A hook that does not read its input is not an error.
        rest = put < 0 && errno != EAGAIN ? [] : rest.dropFirst(max(0, put))
      }
      if polls[0].revents != 0 {
        let got = Glibc.read(read, &buffer, buffer.count)
        if got <= 0 { return output }
        if output.count < 64 * 1024 { output += buffer[..<got] }
      }
    }
  }

  /// A connected socket pair that no other child inherits. Unlike with a pipe, writing to a closed peer can
  /// be done without raising a signal.
  private static func pair() -> (ours: Int32, theirs: Int32)? {
    var ends: [Int32] = [-1, -1]
    let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    return socketpair(AF_UNIX, type, 0, &ends) == 0 ? (ends[0], ends[1]) : nil
  }

  private static func withCStrings<Result>(
    _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
  ) -> Result {
    let pointers = texts.map { strdup($0) }
    defer { for pointer in pointers { free(pointer) } }
    return body(pointers + [nil])
  }
}
