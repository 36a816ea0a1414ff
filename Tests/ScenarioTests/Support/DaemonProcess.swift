import Foundation
import TestSupport

/// `kdops run` as a child process.
final class DaemonProcess: @unchecked Sendable {
  // `init` starts the `Process`; later it is only read.
  private let process: Process

  /// - Parameters:
  ///   - log: the file to which its output is appended.
  ///   - isBare: without root's capabilities except reading its own files, as in a pod.
  init(_ arguments: [String], log: String, environment: [String: String] = [:], isBare: Bool = false) throws {
    guard let program = Self.program else {
      throw ToolError("there is no kdops beside the tests; build it, or set KDOPS_BIN")
    }
    if !FileManager.default.fileExists(atPath: log) { try Data().write(to: URL(fileURLWithPath: log)) }
    guard let output = FileHandle(forWritingAtPath: log) else { throw ToolError("cannot write \(log)") }
    try output.seekToEnd()
    defer { try? output.close() }
    process = Process()
    let command = (isBare && geteuid() == 0 ? Self.bare : []) + [program] + arguments
    process.executableURL = URL(fileURLWithPath: command[0])
    process.arguments = Array(command.dropFirst())
    let inherited = ProcessInfo.processInfo.environment.filter {
      !$0.key.hasPrefix("KDOPS_") && !$0.key.hasPrefix("GIT_")
    }
    process.environment = inherited.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = output
    try process.start()
  }

  private static let bare = ["/usr/bin/setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]

  /// Next to the program that runs the tests, unless `KDOPS_BIN` names another.
  static let program = BuiltProgram.kdops

  /// Whether scripts can be run on this machine.
  static let hasBubblewrap: Bool = {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    return path.split(separator: ":").contains { access("\($0)/bwrap", X_OK) == 0 }
  }()

  var isRunning: Bool { process.isRunning }

  /// Kills it without a warning, as a power cut would.
  func kill() async throws {
    if process.isRunning { _ = Foundation.kill(process.processIdentifier, SIGKILL) }
    try await ended(within: .seconds(20))
  }

  /// Pauses the process, as if the machine hung; the process does not notice.
  func freeze() { _ = Foundation.kill(process.processIdentifier, SIGSTOP) }

  func thaw() { _ = Foundation.kill(process.processIdentifier, SIGCONT) }

  /// Asks it to stop.
  ///
  /// - Returns: its exit code.
  func stop(within limit: Duration) async throws -> Int {
    _ = Foundation.kill(process.processIdentifier, SIGTERM)
    return try await ended(within: limit)
  }

  /// - Returns: its exit code once it has ended without a signal.
  @discardableResult
  func ended(within limit: Duration) async throws -> Int {
    try await eventually(within: limit, "end of the daemon") { process.isRunning ? nil : true }
    return Int(process.terminationStatus)
  }
}
