import ClusterAPI
import Values

/// The outcome of a command, from the server's `Status` on the error channel.
enum ExecStatus: Sendable, Hashable {
  case exited(Int)
  /// The command did not start, or its outcome is unknown.
  case failed(String)

  /// Nil if the bytes are not a complete `Status`.
  init?(_ bytes: [UInt8]) {
    guard let json = try? JSON.parse(bytes), let word = json["status"]?.string else { return nil }
    if word == "Success" {
      self = .exited(0)
      return
    }
    let causes = json["details"]?["causes"]?.array ?? []
    if json["reason"]?.string == "NonZeroExitCode",
      let cause = causes.first(where: { $0["reason"]?.string == "ExitCode" }),
      let code = cause["message"]?.string.flatMap({ Int($0) })
    {
      // A failure without a valid exit code allows no conclusion, and must never count as success.
      self =
        Self.failures.contains(code)
        ? .exited(code) : .failed("the server calls exit code \(code) a failure")
      return
    }
    let said = json["message"]?.string ?? causes.compactMap { $0["message"]?.string }.first
    self = .failed(said.map(ExecErrorText.line) ?? "the server did not say why")
  }
}

extension ExecStatus {
  /// The exit codes of a failed process. A process that a signal ended has 128 plus the signal's number.
  private static let failures = 1...255
}

/// Classifies the error texts of a kubelet or container runtime; they have no error code.
///
/// Source: `pkg/kubelet`, `pkg/registry/core/pod` and containerd's `pkg/cri`, whose texts have been the same
/// for years. An unknown text counts as transient, because commands are safe to repeat.
enum ExecErrorText {
  static func kind(_ text: String) -> APIError.Kind {
    let text = text.lowercased()
    func says(_ phrases: [String]) -> Bool { phrases.contains { text.contains($0) } }
    if says(["is not valid for pod", "container name must be specified"]) { return .invalid }
    if says(stopped) { return .notRunning }
    if says(unstartable) { return .notStarted }
    return .unavailable
  }

  /// Makes external text safe to include in a message: one line of limited length.
  static func line(_ text: String) -> String {
    String(text.split(whereSeparator: \.isNewline).joined(separator: " ").prefix(2000))
  }

  private static let stopped = [
    "container not found", "not running", "is not created or running", "does not have a host assigned",
    "completed pod", "container_exited", "container_created", "container_unknown", "cannot exec in a stopped",
    "has stopped", "unable to find container", "no running task",
    "an error occurred when try to find container",
  ]

  private static let unstartable = [
    "executable file not found", "no such file or directory", "permission denied", "exec format error",
    "argument list too long", "is a directory",
  ]
}
