import Foundation
import TestSupport

/// `kdops run` as a process of its own.
final class DaemonProcess: @unchecked Sendable {
  // `Process` is told to start by `init`, and later only asked.
  private let process: Process

  /// - Parameters:
  ///   - log: what it prints is added to this file.
  ///   - isBare: without what root may do beside reading its own files, as in a pod.
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

  /// Beside the program that runs the tests, unless `KDOPS_BIN` names another.
  static let program = BuiltProgram.kdops

  /// Whether its scripts can be run here.
  static let hasBubblewrap: Bool = {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    return path.split(separator: ":").contains { access("\($0)/bwrap", X_OK) == 0 }
  }()

  var isRunning: Bool { process.isRunning }

  /// Ends it as a power cut would.
  func kill() async throws {
    if process.isRunning { _ = Foundation.kill(process.processIdentifier, SIGKILL) }
    try await ended(within: .seconds(20))
  }

  /// Stops it where it stands, as a machine does that hangs; it knows nothing of it.
  func freeze() { _ = Foundation.kill(process.processIdentifier, SIGSTOP) }

  func thaw() { _ = Foundation.kill(process.processIdentifier, SIGCONT) }

  /// Asks it to stop.
  ///
  /// - Returns: its exit code.
  func stop(within limit: Duration) async throws -> Int {
    _ = Foundation.kill(process.processIdentifier, SIGTERM)
    return try await ended(within: limit)
  }

  /// - Returns: its exit code once it has ended by itself.
  @discardableResult
  func ended(within limit: Duration) async throws -> Int {
    try await eventually(within: limit, "end of the daemon") { process.isRunning ? nil : true }
    return Int(process.terminationStatus)
  }
}
