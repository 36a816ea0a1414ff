import Foundation
import TestSupport

/// Programs that a scenario uses in addition to git.
enum Tool {
  /// Whether the program is installed.
  static func has(_ name: String) -> Bool {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    return path.split(separator: ":").contains { access("\($0)/\(name)", X_OK) == 0 }
  }

  /// Runs a program to its end on a separate thread, because some need seconds.
  ///
  /// - Returns: its output.
  /// - Throws: `ToolError` with its error output if it fails.
  @discardableResult
  static func run(_ command: [String], input: String = "", environment: [String: String] = [:]) async throws
    -> String
  {
    try await withCheckedThrowingContinuation { continuation in
      DispatchQueue.global().async {
        continuation.resume(
          with: Result {
            try TemporaryRepository.run(command, in: nil, input: input, environment: environment)
          })
      }
    }
  }

  /// Runs `kubectl` as an administrator.
  @discardableResult
  static func kubectl(_ arguments: String..., input: String = "") async throws -> String {
    guard let kubeconfig = Backend.kubeconfig else {
      throw ToolError("KUBECONFIG_FOR_TESTS names no cluster")
    }
    return try await run(["kubectl"] + arguments, input: input, environment: ["KUBECONFIG": kubeconfig])
  }
}
