import Foundation
import TestSupport

/// `kubectl proxy` as a process: the API server over plain HTTP on 127.0.0.1, with the permissions of one
/// account.
final class KubectlProxy: @unchecked Sendable {
  // `start` starts the `Process`; later it is only ended.
  private let process: Process
  let port: Int

  private init(_ process: Process, port: Int) { (self.process, self.port) = (process, port) }

  /// - Parameters:
  ///   - kubeconfig: the account whose permissions every client gets.
  ///   - folder: for its output.
  static func start(kubeconfig: String, in folder: String) async throws -> KubectlProxy {
    let log = "\(folder)/kubectl-proxy"
    try Data().write(to: URL(fileURLWithPath: log))
    guard let output = FileHandle(forWritingAtPath: log) else { throw ToolError("cannot write \(log)") }
    defer { try? output.close() }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [
      "kubectl", "--kubeconfig", kubeconfig, "proxy", "--address=127.0.0.1", "--port=0", "--disable-filter",
    ]
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = output
    try process.start()
    do {
      let port = try await eventually(within: .seconds(20), "port of kubectl proxy") { () -> Int? in
        guard process.isRunning else { throw ToolError("kubectl proxy has ended") }
        let text = try String(contentsOfFile: log, encoding: .utf8)
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("Starting to serve on ") })
        else { return nil }
        return line.split(separator: ":").last.flatMap { Int($0) }
      }
      return KubectlProxy(process, port: port)
    } catch {
      process.terminate()
      throw error
    }
  }

  func stop() { process.terminate() }
}
