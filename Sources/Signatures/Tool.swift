import FoundationEssentials
import Subprocess
import SystemPackage

/// Runs a signature program to its end: with an argument vector, only `PATH` from the daemon's environment,
/// and no terminal.
struct Tool: Sendable {
  let name: String

  private static let timeLimit = Duration.seconds(60)
  private static let outputLimit = 64 << 10

  struct Answer: Sendable {
    var succeeded: Bool
    var output: String
  }

  /// The program did not end in time, or could not be run.
  struct Failure: Error {
    var words: String
  }

  private static var environment: Environment {
    .custom([
      "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C",
      // There is no user who could enter a passphrase.
      "SSH_ASKPASS": "/bin/false", "SSH_ASKPASS_REQUIRE": "force",
    ])
  }

  /// Whether the program is installed.
  func isThere() async -> Bool {
    (try? await Executable.name(name).resolveExecutablePath(in: Self.environment)) != nil
  }

  /// - Parameter input: the file for standard input; nil for none.
  func run(_ arguments: [String], input: String? = nil) async throws(Failure) -> Answer {
    // A child is always awaited: abandoning one may close its descriptors while they are in use, and crash
    // the daemon.
    try await Task { await limited(arguments, input) }.value.get()
  }

  private func limited(_ arguments: [String], _ input: String?) async -> Result<Answer, Failure> {
    await withTaskGroup(of: Result<Answer, Failure>?.self) { group in
      group.addTask { await execute(arguments, input) }
      group.addTask {
        guard (try? await Task.sleep(for: Self.timeLimit)) != nil else { return nil }
        return .failure(Failure(words: "\(name) did not end within \(Self.timeLimit.components.seconds) s"))
      }
      defer { group.cancelAll() }
      while let answer = await group.next() {
        if let answer { return answer }
      }
      return .failure(Failure(words: "\(name) was not waited for"))
    }
  }

  private func execute(_ arguments: [String], _ input: String?) async -> Result<Answer, Failure> {
    do {
      // A file instead of a pipe: then it is not an error if the program ends before it has read everything.
      let source = try FileDescriptor.open(input ?? "/dev/null", .readOnly, options: .closeOnExec)
      let result = try await Subprocess.run(
        .name(name), arguments: Arguments(arguments), environment: Self.environment,
        input: .fileDescriptor(source, closeAfterSpawningProcess: true),
        output: .bytes(limit: Self.outputLimit), error: .discarded)
      return .success(
        Answer(
          succeeded: result.terminationStatus.isSuccess,
          output: String(decoding: result.standardOutput, as: UTF8.self)))
    } catch {
      return .failure(Failure(words: "\(name) could not be run"))
    }
  }
}

extension Tool {
  /// Runs a closure with temporary files that only the daemon's user can read.
  ///
  /// - Parameter body: gets the path of the folder with the files.
  static func inFolder<Value: Sendable>(
    below parent: String, _ files: [String: [UInt8]], _ body: (String) async throws(Failure) -> Value
  ) async throws(Failure) -> Value {
    let path = "\(parent)/\(UUID().uuidString)"
    do {
      try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      for (name, content) in files { try Data(content).write(to: URL(filePath: "\(path)/\(name)")) }
    } catch {
      throw Failure(words: "\(parent) cannot be written")
    }
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await body(path)
  }
}
